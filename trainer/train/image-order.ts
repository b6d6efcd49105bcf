import seedrandom from 'seedrandom';
import type { ImageSet } from '../data/dataset.ts';
import { imagesBetween, pickImages } from '../data/image-set.ts';

/**
 * Shuffles 0..order.length-1 in an order that only the seed determines (Fisher–Yates).
 *
 * @param order overwritten
 */
export function shuffle(order: Uint32Array, seed: string): void {
  const random = seedrandom.alea(seed);
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const swapped = order[last] as number;
    order[last] = order[other] as number;
    order[other] = swapped;
  }
}

/** Returns the first images of a set, at most `limit` (default: all). */
export function firstImages(set: ImageSet, limit = set.count): ImageSet {
  const count = Math.min(limit, set.count);
  if (set.file)
    return pickImages(
      set,
      Uint32Array.from({ length: count }, (_, image) => image),
    );
  return {
    images: imagesBetween(set, 0, count),
    labels: set.labels.subarray(0, count),
    count,
  };
}

/** Returns how many of so many images are for validation: a share of less than 1 becomes a count of at least 1. */
export const validationCount = (validation: number, images: number): number =>
  validation > 0 && validation < 1 ? Math.max(1, Math.round(validation * images)) : validation;

/** The data set has too few images to keep that many for validation. */
export class ValidationTooLargeError extends RangeError {
  override name = 'ValidationTooLargeError';
}

/**
 * Splits off `count` images, drawn with the seed. Both parts keep the set's order.
 *
 * @throws {ValidationTooLargeError} if no image is left to train on
 */
export function splitValidation(
  set: ImageSet,
  count: number,
  seed: number,
): { train: ImageSet; validation: ImageSet | null } {
  if (count === 0) return { train: set, validation: null };
  if (count >= set.count) {
    throw new ValidationTooLargeError(
      `Keeping ${count} of ${set.count} images for validation leaves none to train on: lower --validation.`,
    );
  }
  const order = new Uint32Array(set.count);
  shuffle(order, `${seed}/validation`);
  return {
    train: pickImages(set, order.subarray(count).sort()),
    validation: pickImages(set, order.subarray(0, count).sort()),
  };
}

/**
 * Returns the weight of an image of each label with which all labels count the same: images / (labels * images of the label). The
 * mean over the images is 1.
 *
 * @param labels the label ids of the training images
 * @param count the number of labels
 */
export function balancedWeights(labels: Uint8Array, count: number): Float32Array {
  const images = new Uint32Array(count);
  for (const id of labels) images[id] = (images[id] as number) + 1;
  const present = images.filter((ofLabel) => ofLabel > 0).length;
  return Float32Array.from(images, (ofLabel) =>
    ofLabel === 0 ? 0 : labels.length / (present * ofLabel),
  );
}
