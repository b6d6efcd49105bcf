import { normalizePixels, toPrediction } from '../../shared/model/predict.ts';
import type { Prediction, ServedModel } from '../../shared/model/prediction.ts';
import type { DatasetInfo, Manifest } from '../../shared/registry/manifest.ts';
import { sha256 } from '../store/published.ts';
import type { Served } from './served-models.ts';

/** Numbers of the network's input in one run: 1 MB, as many as 64 images of 64x64 grey pixels or one of 224x224 in colour have. */
const maxRunNumbers = 2 ** 18;

/**
 * Predicts any number of images. The network runs with as many of them at once as take little memory.
 *
 * @param images pixels 0..255 per image; each is converted in its turn
 */
export function predictImages(served: Served, images: Iterable<ArrayLike<number>>): Prediction[] {
  const { inputShape, labels } = served.model.manifest.model;
  const perRun = Math.max(1, Math.floor(maxRunNumbers / lengthOf(inputShape)));
  const predictions: Prediction[] = [];
  let run: ArrayLike<number>[] = [];
  const predictRun = () => {
    const logits = predictLogits(served, run);
    for (let from = 0; from < logits.length; from += labels.length) {
      predictions.push(toPrediction(logits.subarray(from, from + labels.length), labels));
    }
    run = [];
  };
  for (const image of images) {
    run.push(image);
    if (run.length === perRun) predictRun();
  }
  if (run.length > 0) predictRun();
  return predictions;
}

const lengthOf = (inputShape: readonly number[]) =>
  inputShape.reduce((product, size) => product * size, 1);

/**
 * @param images pixels 0..255 per image; at least one image
 * @returns [images, labels]
 */
export function predictLogits({ model }: Served, images: ArrayLike<number>[]): Float32Array {
  const { inputShape, preprocessing } = model.manifest.model;
  const imageLength = lengthOf(inputShape);
  const input = new Float32Array(images.length * imageLength); // [count, 28, 28, 1]
  for (const [i, pixels] of images.entries()) {
    const target = input.subarray(i * imageLength, (i + 1) * imageLength);
    normalizePixels(pixels, preprocessing, target);
  }
  return model.predict(input, images.length);
}

/** The `model` field of an answer. */
export function describeServed({ model, alias, isSnapshot }: Served): ServedModel {
  const { name, version } = model.manifest;
  const described = { name, version, alias: alias?.name ?? null };
  return isSnapshot ? { ...described, source: 'snapshot' } : described;
}

/** The image that the network saw, as the bytes that identify it in feedback. */
export const pixelBytes = (pixels: ArrayLike<number>) => Uint8Array.from(pixels, Math.round);

/** @returns the second half of a prediction's id: 64 hex digits */
export const pixelsHash = (pixels: ArrayLike<number>) => sha256(pixelBytes(pixels));

/** The logits of test images, which are the same for every request of a version. */
export interface LogitsCache {
  /**
   * Returns the cached logits of a test image, or those that `predict` computes.
   *
   * @param manifest the loaded model's: this object identifies the model
   * @param info the test set's: this object identifies the upload
   */
  getOrCompute(
    manifest: Manifest,
    info: DatasetInfo,
    index: number,
    predict: () => Float32Array,
  ): Float32Array;
}

interface Entry {
  manifest: Manifest;
  info: DatasetInfo;
  isKnown: Uint8Array;
  logits: Float32Array;
}

/**
 * Caches logits, 40 bytes per image with ten labels, for the most recently used models.
 *
 * @param maxNumbers the size of all entries together, in numbers of 4 bytes (default: 1,000,000). 0: no cache
 */
export function openLogitsCache(maxNumbers = 1_000_000): LogitsCache {
  // The most recently used entry comes first.
  let entries: Entry[] = [];

  function entryFor(manifest: Manifest, info: DatasetInfo): Entry {
    const [first] = entries;
    if (first?.manifest === manifest && first.info === info) return first;
    const found = entries.find((entry) => entry.manifest === manifest && entry.info === info) ?? {
      manifest,
      info,
      isKnown: new Uint8Array(info.images),
      logits: new Float32Array(info.images * manifest.model.labels.length),
    };
    entries = [found, ...entries.filter((entry) => entry !== found)];
    while (entries.reduce((sum, { logits }) => sum + logits.length, 0) > maxNumbers) entries.pop();
    return found;
  }

  return {
    getOrCompute(manifest, info, index, predict) {
      const classes = manifest.model.labels.length;
      if (info.images * classes > maxNumbers) return predict();
      const { logits, isKnown } = entryFor(manifest, info);
      const cached = logits.subarray(index * classes, (index + 1) * classes);
      if (!isKnown[index]) {
        cached.set(predict());
        isKnown[index] = 1;
      }
      return cached;
    },
  };
}
