import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { openDevice } from '../../shared/webgpu/open-device.ts';
import { openInference } from '../../shared/webgpu/open-inference.ts';
import { openAdapter } from '../backend/webgpu/open-adapter.ts';
import type { ImageSet } from '../data/dataset.ts';
import { imagesBetween } from '../data/image-set.ts';
import type { LayerTensor } from '../weights/tensor.ts';

/** Images per forward pass. */
const batchSize = 256;

/**
 * Computes a network's logits as `computeLogits` does, on the GPU that WebGPU finds.
 *
 * @throws {UnsupportedError} if the kernels can't compute the network
 * @throws {Error} if there is no GPU, or it stops
 */
export async function computeWebgpuLogits(
  spec: ModelSpec,
  weights: readonly LayerTensor[],
  set: Pick<ImageSet, 'images' | 'count' | 'file'>,
  signal?: AbortSignal,
  onProgress?: (done: number) => void,
): Promise<Float32Array> {
  const { adapter } = await openAdapter();
  const opened = await openDevice(adapter);
  try {
    const batch = Math.min(batchSize, set.count);
    const inference = await opened.prepare(() => openInference(opened, spec, batch));
    const flat = new Float32Array(weights.reduce((sum, { values }) => sum + values.length, 0));
    let offset = 0;
    for (const { values } of weights) {
      flat.set(values, offset);
      offset += values.length;
    }
    inference.setWeights(flat);
    const images = (from: number, end: number) => imagesBetween(set, from, end);
    return await inference.logitsOf(images, set.count, onProgress, signal);
  } finally {
    opened.close();
  }
}
