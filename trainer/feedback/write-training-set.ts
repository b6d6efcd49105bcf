import { join } from 'node:path';
import type { Dataset, ImageSet } from '../dataset/dataset.ts';
import { idxFile } from '../dataset/idx-file.ts';
import { idxFileNames } from '../dataset/idx-folder.ts';
import { writeAtomically } from '../dataset/write-atomically.ts';

/**
 * Writes a folder that `--dataset` takes: the feedback first, so that `--limit` has it, then the base's own training images; the test
 * set is the base's, so that models stay comparable.
 */
export async function writeTrainingSet(
  folder: string,
  base: Dataset,
  feedback: ImageSet,
  signal?: AbortSignal,
): Promise<void> {
  const parts = [feedback, base.train];
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const { height, width, labels, test } = base;
  const files = {
    'labels.txt': new TextEncoder().encode(`${labels.join('\n')}\n`),
    [idxFileNames.trainImages]: idxFile(
      [count, height, width],
      Buffer.concat(parts.map(({ images }) => images)),
    ),
    [idxFileNames.trainLabels]: idxFile([count], Buffer.concat(parts.map(({ labels }) => labels))),
    [idxFileNames.testImages]: idxFile([test.count, height, width], test.images),
    [idxFileNames.testLabels]: idxFile([test.count], test.labels),
  };
  for (const [name, bytes] of Object.entries(files)) {
    await writeAtomically(join(folder, name), bytes, signal);
  }
}
