import { parseIdx } from '../../shared/idx.ts';
import type { Dataset, ImageSet } from './dataset.ts';
import type { DatasetPart, KnownDataset } from './known-datasets.ts';

type Shape = Pick<KnownDataset, 'height' | 'width' | 'labels'>;

/**
 * Reads the four uncompressed IDX files of a data set; the images are views of them, not copies.
 *
 * @throws {RangeError} where a file is no IDX file, is too short or long, holds images of another size,
 *   another count of labels than of images, or a label that has no name
 */
export function parseDataset(
  shape: Shape,
  files: Record<DatasetPart, Uint8Array>,
): Pick<Dataset, 'train' | 'test'> {
  return {
    train: parseImageSet('training', shape, files.trainImages, files.trainLabels),
    test: parseImageSet('test', shape, files.testImages, files.testLabels),
  };
}

/** Reads the two IDX files of a training or test set and checks that they fit each other and the names of the labels. */
export function parseImageSet(
  what: string,
  { height, width, labels: names }: Shape,
  imageFile: Uint8Array,
  labelFile: Uint8Array,
): ImageSet {
  const images = parseIdx(imageFile, 3);
  const labels = parseIdx(labelFile, 1);
  const [count = 0, actualHeight, actualWidth] = images.dimensions;
  if (actualHeight !== height || actualWidth !== width) {
    throw new RangeError(
      `The ${what} images are ${actualHeight}x${actualWidth}, expected ${height}x${width}.`,
    );
  }
  if (labels.dimensions[0] !== count) {
    throw new RangeError(`There are ${count} ${what} images but ${labels.dimensions[0]} labels.`);
  }
  const unnamed = labels.values.findIndex((label) => label >= names.length);
  if (unnamed >= 0) {
    throw new RangeError(
      `The label of ${what} image ${unnamed} is ${labels.values[unnamed]}; ids go from 0 to ${names.length - 1}.`,
    );
  }
  return { images: images.values, labels: labels.values, count };
}
