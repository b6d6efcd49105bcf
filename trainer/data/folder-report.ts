/** Reports the facts about a folder of images that a user should know before training. */

import { formatCount } from '../../node/text.ts';
import type { NetworkName } from '../../shared/model/model-spec.ts';
import { type Dataset, type ImageSample, shapeOfImages } from './dataset.ts';
import { listLines } from './folder-layout.ts';

/** A label with fewer training images is hardly learned. */
const minTrainingImages = 20;
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
  if (folder.nearDuplicates.length > 0) {
    const lines = folder.nearDuplicates.map(({ path, sameAs }) => `${path} shows ${sameAs}`);
    notify(
      `${lines.length} validation or test images show the same as a training image, which makes a model look better than it is. Remove one of each:\n${listLines(lines)}`,
    );
  }
  if (folder.sample?.isColourful && dataset.channels !== 3) {
    notify(
      'The images are in colour, but the network sees them in grey. If their colours matter, use --colour rgb.',
    );
  }
  const counts = countsPerLabel(dataset);
  const tiny = counts.filter(({ train }) => train > 0 && train < minTrainingImages);
  if (tiny.length > 0) {
    const names = tiny.slice(0, 5).map(({ label, train }) => `${label} ${train}`);
    const more = tiny.length > 5 ? ` and ${tiny.length - 5} more` : '';
    notify(
      `Labels with few training images: ${names.join(', ')}${more}. They are hardly learned, and a few test images measure them by chance; a hundred are better.`,
    );
  }
  const unequal = describeImbalance(counts);
  if (unequal) notify(unequal);
}

/** Describes a folder of images and the network that is trained on it, in one paragraph. */
export function describeFolder(
  dataset: Dataset,
  network: NetworkName,
  parameters: number,
): string | null {
  const { name, labels, folder, train, validation, test } = dataset;
  if (!folder) return null;
  const counts = countsPerLabel(dataset).sort((a, b) => b.train - a.train);
  const [most, least] = [counts[0], counts.at(-1)] as [LabelCounts, LabelCounts];
  const balance =
    most.train === least.train
      ? `${formatCount(most.train)} to train on of each`
      : `from ${formatCount(least.train)} of ${least.label} to ${formatCount(most.train)} of ${most.label}`;
  const held = validation ? `, ${formatCount(validation.count)} validation` : '';
  const counted = `${formatCount(train.count)} training${held} and ${formatCount(test.count)} test images`;
  return [
    `${name} has ${counted}, split by ${folder.split === 'folders' ? 'folder' : 'content'}, of ${labels.length} labels: ${balance}.`,
    ...(folder.sample ? [describeSample(folder.sample)] : []),
    `${network === 'tutorial' ? "The tutorial's network" : `The network ${network}`} with ${formatCount(parameters)} parameters is trained, and sees ${shapeOfImages(dataset)}. --size and --colour change that.`,
  ].join(' ');
}

function describeSample({ isColourful, sizes }: ImageSample): string {
  const colour = isColourful ? 'in colour' : 'in grey';
  if (!sizes) return `They are ${colour}.`;
  const [smallest, largest] = [sizes.smallest, sizes.largest].map(
    ({ width, height }) => `${width}x${height}`,
  );
  return smallest === largest
    ? `They are ${colour}, of ${smallest} pixels.`
    : `They are ${colour}, of about ${smallest} to ${largest} pixels.`;
}

function describeImbalance(counts: readonly LabelCounts[]): string | null {
  const sorted = counts.filter(({ train }) => train > 0).sort((a, b) => b.train - a.train);
  const [most, least] = [sorted[0], sorted.at(-1)];
  if (!most || !least || most.train < maxImbalance * least.train) return null;
  return `The labels have unequal numbers of training images: ${most.label} ${formatCount(most.train)}, ${least.label} ${formatCount(least.train)}. The model will favour the frequent ones. Add images of the others, or train with --class-weights balanced.`;
}
