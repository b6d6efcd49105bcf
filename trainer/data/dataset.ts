import type { Background, Channels, Fit, Scale } from '../../shared/model/model-spec.ts';

/** Images and their labels, in file order. */
export interface ImageSet {
  /** `count * height * width * channels` bytes, 0 (black) to 255 (white). Empty if they are in a file: `imagesBetween` reads both. */
  images: Uint8Array;
  /** `count` label ids. */
  labels: Uint8Array;
  count: number;
  /** The images, if they are too many for the memory. */
  file?: ImageFile | undefined;
  /** The network's inputs, instead of `images`, if bytes would be too coarse: those of a part of a network. */
  inputs?: Float32Array | undefined;
}

/** The place of images that do not fit into memory. Threads share it: the file is opened once per process. */
export interface ImageFile {
  /** Open for reading, as long as the process runs. */
  descriptor: number;
  /** Of one image. */
  imageBytes: number;
  /** The row in the file of each image of the set, on shared memory. */
  rows: Uint32Array;
  /** 1 for each image that is inverted after it is read, on shared memory. */
  inverted: Uint8Array;
}

/** How pictures become inputs of the networks that are trained on a data set. */
export interface PictureOptions {
  /** How pictures of other proportions fit (default: contain). */
  fit?: Fit | undefined;
  /** The treatment of the background (default: decided by the data set's name or its training images). */
  background?: Background | undefined;
  /** Whether the network sees colours (default: for a folder, whether its images have some; else grey). */
  colour?: Colour | undefined;
  /** The side of the input in pixels, for a folder of images (default: 28, or for images in colour 32 or 64, as their own size suggests). */
  size?: number | undefined;
}

/** A network's defaults for the pictures of a folder; what is missing is decided by the images. */
export type PictureDefaults = Pick<PictureOptions, 'colour' | 'fit' | 'size'>;

export const colours = ['rgb', 'grey'] as const;
export type Colour = (typeof colours)[number];

/** A data set in memory, read and checked. */
export interface Dataset {
  name: string;
  height: number;
  width: number;
  /** 1 for grey images, 3 for images in colour (default: 1). */
  channels?: Channels | undefined;
  /** The names of the labels. A label's id is its position. */
  labels: readonly string[];
  /** How pictures become inputs of the networks that are trained on it. */
  fit: Fit;
  background: Background;
  /** How values become inputs (default: mean and std 0.5). */
  scale?: Scale | undefined;
  train: ImageSet;
  test: ImageSet;
  /** The images to choose the best epoch by, if the data set itself has such. */
  validation?: ImageSet | null;
  /**
   * Maps the name of each IDX file to the SHA-256 of its uncompressed bytes. The same images are published in several gzip
   * encodings, so a hash of the compressed file would not identify the data.
   */
  files: Record<string, string>;
  /** The value of `--dataset` that loads it again: a known data set's name or a folder's absolute path. */
  origin: string;
  /** The sources of the files, for people. */
  source: string;
  /** The number of the first label in IDX files, if it was given. */
  labelOffset?: number;
  /** The findings in a folder of images. */
  folder?: FolderReport;
}

/** Sides of a network's input. Three poolings need 8 pixels; a network may take fewer than the maximum (`cnnFor`). */
export const minSide = 8;
export const maxSide = 224;

export type ImageShape = Pick<Dataset, 'height' | 'width' | 'channels'>;

/** Returns the bytes of one image. */
export const imageLength = ({ height, width, channels = 1 }: ImageShape): number =>
  height * width * channels;

/** Returns the options that load images for an input. */
export const inputOf = ({ height, width, channels }: ImageShape) => ({
  colour: channels === 3 ? ('rgb' as const) : ('grey' as const),
  size: height === width ? height : undefined,
});

/** Describes images for people, such as `64x64 pixels in colour`. */
export const shapeOfImages = ({ height, width, channels = 1 }: ImageShape): string =>
  `${width}x${height} pixels in ${channels === 1 ? 'grey' : 'colour'}`;

/** The findings in a folder of images, in addition to the images. */
export interface FolderReport {
  /** The division of training and test images: by the folders, or the images' content if there is no test folder. */
  split: 'folders' | 'content';
  /** A summary of a sample of the images; null if a model decides how they are read. */
  sample: ImageSample | null;
  /** The files that were left out because they can't be read as images. */
  skipped: { path: string; reason: string }[];
  /** The validation and test images whose bytes are those of an image in another part, which `sameAs` names. */
  duplicates: { part: 'train' | 'validation' | 'test'; path: string; sameAs: string }[];
  /** The validation and test images that show the same as a training image, resized or saved again. */
  nearDuplicates: FolderReport['duplicates'];
}

/** A label is one byte in an IDX file. */
const maxLabels = 256;

/**
 * Checks that a network can learn the labels and be tested on them.
 *
 * @throws {InvalidDatasetError} if there are fewer than 2 or more than 256 labels, a label has no training image, or there
 *   is no test image
 */
export function checkLabels(
  folder: string,
  { labels, train, test }: Pick<Dataset, 'labels' | 'train' | 'test'>,
): void {
  if (labels.length < 2) {
    throw new InvalidDatasetError(
      `${folder} has only one label, ${labels[0]}. Add images of at least one other label.`,
    );
  }
  if (labels.length > maxLabels) {
    throw new InvalidDatasetError(
      `${folder} has ${labels.length} labels. The maximum is ${maxLabels}.`,
    );
  }
  const seen = new Set(train.labels);
  const empty = labels.filter((_, id) => !seen.has(id));
  if (empty.length > 0) {
    throw new InvalidDatasetError(
      `${folder} has no training image of: ${empty.join(', ')}. Add some, or remove the label.`,
    );
  }
  checkTestSet(folder, test);
}

/** @throws {InvalidDatasetError} if there is no test image */
export function checkTestSet(folder: string, test: ImageSet): void {
  if (test.count > 0) return;
  throw new InvalidDatasetError(
    `${folder} has no test image. Move some of the training images to the test set.`,
  );
}

/** The sizes and colours of a sample of a folder's images. */
export interface ImageSample {
  /** Whether the images have colours that a network could learn from. */
  isColourful: boolean;
  /** The smallest, median and largest picture by their longer side; null if no image can be read. */
  sizes: { smallest: Size; median: Size; largest: Size } | null;
}

export interface Size {
  width: number;
  height: number;
}

/** A folder does not contain a file, neither compressed nor uncompressed. */
export class MissingFileError extends Error {
  override name = 'MissingFileError';

  constructor(folder: string, file: string) {
    super(`${folder} contains neither ${file}.gz nor ${file}.`);
  }
}

/** The content of a folder is not a data set that a network can learn. */
export class InvalidDatasetError extends Error {
  override name = 'InvalidDatasetError';
}

/** No source has all files of a data set. The message lists each source with the reason. */
export class DatasetUnavailableError extends Error {
  override name = 'DatasetUnavailableError';
}

/** Returns an error's message with that of its cause: `fetch` only says "fetch failed" and keeps the reason there. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
