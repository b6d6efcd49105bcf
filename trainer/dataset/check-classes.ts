import type { Dataset } from './dataset.ts';
import { BadDatasetError } from './errors.ts';

/** A label is one byte in an IDX file. */
const mostLabels = 256;

/**
 * Whether a network can learn the labels and be measured on them.
 *
 * @throws {BadDatasetError} where there is but one label or one without training images, or no test image
 */
export function checkClasses(
  folder: string,
  { labels, train, test }: Pick<Dataset, 'labels' | 'train' | 'test'>,
): void {
  if (labels.length < 2) {
    throw new BadDatasetError(
      `${folder} has one label only, ${labels[0]}: there is nothing to tell apart.`,
    );
  }
  if (labels.length > mostLabels) {
    throw new BadDatasetError(
      `${folder} has ${labels.length} labels; at most ${mostLabels} are told apart.`,
    );
  }
  const seen = new Set(train.labels);
  const empty = labels.filter((_, id) => !seen.has(id));
  if (empty.length > 0) {
    throw new BadDatasetError(`${folder} has no training image of: ${empty.join(', ')}.`);
  }
  if (test.count === 0) throw new BadDatasetError(`${folder} has no test image.`);
}
