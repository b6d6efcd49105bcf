import { BadDatasetError } from './errors.ts';

/** Grey images and what they show, in file order. */
export interface ImageSet {
  /** `count * height * width` bytes, 0 black to 255 white. */
  images: Uint8Array;
  /** `count` class ids. */
  labels: Uint8Array;
  count: number;
}

/** A data set in memory, read and checked. */
export interface Dataset {
  name: string;
  height: number;
  width: number;
  /** One name per class; the position is the class's id. */
  labels: readonly string[];
  train: ImageSet;
  test: ImageSet;
  /**
   * Name of each IDX file to the SHA-256 of its uncompressed bytes. The same images are published in
   * several gzip encodings (with and without a file name and time in the header), so a hash of the
   * compressed file would not identify the data.
   */
  files: Record<string, string>;
  /** What `--dataset` takes to load it again: the name of a known data set, or the absolute path of a folder. */
  origin: string;
  /** Where the files came from, for people. */
  source: string;
}

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
