import type { ImageSet } from '../dataset/dataset.ts';
import { shuffle } from './shuffle.ts';

/** More images are to be kept for validation than there are. */
export class ValidationTooLargeError extends RangeError {
  override name = 'ValidationTooLargeError';
}

/**
 * Keeps `count` images, drawn by the seed, apart from the others. Both parts stay in the set's order.
 *
 * @throws {ValidationTooLargeError} where nothing would be left to train on
 */
export function splitValidation(
  set: ImageSet,
  count: number,
  seed: number,
): { train: ImageSet; validation: ImageSet | null } {
  if (count === 0) return { train: set, validation: null };
  if (count >= set.count) {
    throw new ValidationTooLargeError(
      `${count} images for validation leave none of ${set.count} to train on: lower --validation.`,
    );
  }
  const order = new Uint32Array(set.count);
  shuffle(order, `${seed}/validation`);
  return {
    train: pick(set, order.subarray(count).sort()),
    validation: pick(set, order.subarray(0, count).sort()),
  };
}

function pick({ images, labels, count }: ImageSet, chosen: Uint32Array): ImageSet {
  const size = images.length / count;
  const picked = new Uint8Array(chosen.length * size);
  for (const [position, image] of chosen.entries()) {
    picked.set(images.subarray(image * size, (image + 1) * size), position * size);
  }
  return {
    images: picked,
    labels: Uint8Array.from(chosen, (image) => labels[image] as number),
    count: chosen.length,
  };
}
