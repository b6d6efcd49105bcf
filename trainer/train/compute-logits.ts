import { setImmediate as pause } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { normalizePixels } from '../../shared/model/predict.ts';
import type { ImageSet } from '../data/dataset.ts';
import { imagesBetween } from '../data/image-set.ts';
import type { LayerTensor } from '../weights/tensor.ts';
import { forward } from './forward.ts';

/** Images per forward pass, and numbers of the input in one: large images come in smaller batches. */
const maxImages = 250;
const maxNumbers = 2 ** 21;

/**
 * Computes a network's logits for a set of images, on TensorFlow.js's current backend.
 *
 * @param weights kernel and bias of each layer that has them, in order
 * @param signal stops between two batches; its reason is thrown
 * @param onProgress called with the number of images that are done
 * @returns [image][label], flat
 */
export async function computeLogits(
  spec: ModelSpec,
  weights: readonly LayerTensor[],
  set: Pick<ImageSet, 'images' | 'count' | 'file'>,
  signal?: AbortSignal,
  onProgress?: (done: number) => void,
): Promise<Float32Array> {
  const size = spec.inputShape.reduce((product, length) => product * length, 1);
  const batchSize = Math.max(1, Math.min(maxImages, Math.floor(maxNumbers / size)));
  const { count } = set;
  const logits = new Float32Array(count * spec.labels.length);
  const tensors = weights.map(({ shape, values }) => tf.tensor(values, [...shape], 'float32'));
  try {
    for (let from = 0; from < count; from += batchSize) {
      signal?.throwIfAborted();
      const end = Math.min(from + batchSize, count);
      const input = normalizePixels(imagesBetween(set, from, end), spec.preprocessing);
      const output = tf.tidy(() =>
        forward(spec, tensors, tf.tensor(input, [end - from, ...spec.inputShape]), null),
      );
      logits.set(await output.data<'float32'>(), from * spec.labels.length);
      output.dispose();
      onProgress?.(end);
      // The backends block the thread; this lets it handle Ctrl-C.
      await pause();
    }
  } finally {
    tf.dispose(tensors);
  }
  return logits;
}
