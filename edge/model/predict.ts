import { normalizePixels, toPrediction } from '../../shared/model/predict.ts';
import type { Prediction, ServedModel } from '../../shared/model/prediction.ts';
import { sha256 } from '../store/published.ts';
import type { Served } from './served-models.ts';

/**
 * Predicts any number of images in one run of the network.
 *
 * @param images pixels 0..255 per image
 */
export function predictImages(served: Served, images: ArrayLike<number>[]): Prediction[] {
  if (images.length === 0) return [];
  const { labels } = served.model.manifest.model;
  const logits = predictLogits(served, images);
  return images.map((_, i) =>
    toPrediction(logits.subarray(i * labels.length, (i + 1) * labels.length), labels),
  );
}

/**
 * @param images pixels 0..255 per image; at least one image
 * @returns [images, labels]
 */
export function predictLogits({ model }: Served, images: ArrayLike<number>[]): Float32Array {
  const { inputShape, preprocessing } = model.manifest.model;
  const imageLength = inputShape.reduce((product, size) => product * size, 1);
  const input = new Float32Array(images.length * imageLength); // [count, 28, 28, 1]
  for (const [i, pixels] of images.entries()) {
    const target = input.subarray(i * imageLength, (i + 1) * imageLength);
    normalizePixels(pixels, preprocessing, target);
  }
  return model.predict(input, images.length);
}

/** The `model` field of an answer. */
export function describeServed({ model, alias }: Served): ServedModel {
  const { name, version } = model.manifest;
  return { name, version, alias: alias?.name ?? null };
}

/** The image that the network saw, as the bytes that identify it in feedback. */
export const pixelBytes = (pixels: ArrayLike<number>) => Uint8Array.from(pixels, Math.round);

/** @returns the second half of a prediction's id: 64 hex digits */
export const pixelsHash = (pixels: ArrayLike<number>) => sha256(pixelBytes(pixels));
