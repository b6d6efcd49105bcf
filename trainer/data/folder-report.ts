/** Reports the facts about a folder of images that a user should know before training. */
import { formatCount } from '../../node/text.ts';
import type { Dataset } from './dataset.ts';
import { listLines } from './folder-layout.ts';

/** A label with this many times the images of another one is much more likely to be predicted. */
const maxImbalance = 4;

/** Images per label. */
export interface LabelCounts {
  label: string;
  train: number;
  validation: number;
  test: number;
}

/** Counts the images of each label, in label order. */
export function countsPerLabel({ labels, train, validation, test }: Dataset): LabelCounts[] {
  const counts = labels.map((label) => ({ label, train: 0, validation: 0, test: 0 }));
  for (const [part, set] of Object.entries({ train, validation, test })) {
    for (const id of set?.labels ?? []) {
      const count = counts[id];
      if (count) count[part as 'train' | 'validation' | 'test']++;
    }
  }
  return counts;
}

/** Reports a split that Catwalk made, skipped files, images in two parts, and unequal labels. */
export function reportFolder(dataset: Dataset, notify: (message: string) => void): void {
  const { origin, train, test, folder } = dataset;
  if (!folder) return;
  if (folder.split === 'content') {
    notify(
      `${origin} has no test/. A fifth of each label's images, chosen by their content, are the test set: ${formatCount(test.count)} of ${formatCount(train.count + test.count)}.`,
    );
  }
  if (folder.skipped.length > 0) {
    const lines = folder.skipped.map(({ path, reason }) => `${path}: ${reason}`);
    notify(`Skipped ${lines.length} files that can't be read as images:\n${listLines(lines)}`);
  }
  if (folder.duplicates.length > 0) {
    const lines = folder.duplicates.map(({ path, sameAs }) => `${path} is ${sameAs}`);
    notify(
      `${lines.length} images are in two parts of the data set. A model that has trained on test images looks better than it is; remove one of each:\n${listLines(lines)}`,
    );
  }
  const unequal = describeImbalance(countsPerLabel(dataset));
  if (unequal) notify(unequal);
}

function describeImbalance(counts: readonly LabelCounts[]): string | null {
  const sorted = counts.filter(({ train }) => train > 0).sort((a, b) => b.train - a.train);
  const [most, least] = [sorted[0], sorted.at(-1)];
  if (!most || !least || most.train < maxImbalance * least.train) return null;
  return `The labels have unequal numbers of training images: ${most.label} ${formatCount(most.train)}, ${least.label} ${formatCount(least.train)}. The model will favour the frequent ones. Add images of the others, or train with --class-weights balanced.`;
}
