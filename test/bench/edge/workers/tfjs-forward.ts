import { io, type Tensor, tensor4d, tidy } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import type { Forward } from './forward-worker.ts';
import { publishedModel } from './published-model.ts';

/** The published model on the current backend, as a user of plain TensorFlow.js runs it. */
export async function tfjsForward(): Promise<Forward> {
  const model = await loadLayersModel(io.fromMemory(await publishedModel()));
  return (input, count) =>
    tidy(() => {
      const images = tensor4d(input, [count, 28, 28, 1]);
      // apply() is faster than predict(), which also cuts the input into batches.
      return (model.apply(images) as Tensor).dataSync<'float32'>();
    });
}
