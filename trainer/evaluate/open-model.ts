import { planNetwork } from '../../shared/webgpu/network-plan.ts';
import type { BackendChoice, DeviceChoice, OpenBackend } from '../backend/backend.ts';
import { openBackend, openFastest } from '../backend/open-backend.ts';
import type { ImageSet } from '../data/dataset.ts';
import { computeLogits } from '../train/compute-logits.ts';
import { computeWebgpuLogits } from '../train/webgpu-logits.ts';
import { readModelWeights } from '../weights/read-model-weights.ts';
import type { TrainedModel } from './trained-model.ts';

export interface BackendOptions {
  backend: BackendChoice;
  device: DeviceChoice;
}

/** Computes the logits of images, [image][label]. See `computeLogits`. */
type LogitsOf = (
  images: Pick<ImageSet, 'images' | 'count' | 'file'>,
  signal?: AbortSignal,
  onProgress?: (done: number) => void,
) => Promise<Float32Array>;

/**
 * Opens a backend and reads a model's weights with it.
 *
 * @throws {Error} if no backend opens, or the files are not a model or do not match its spec
 */
export async function openModel(
  { spec, files, description }: Pick<TrainedModel, 'spec' | 'files' | 'description'>,
  { backend, device }: BackendOptions,
): Promise<{ logitsOf: LogitsOf; backend: OpenBackend }> {
  const { opened } = await openFastest(backend, device, async (name, on) => {
    // Throws if its kernels can't compute the network.
    if (name === 'webgpu') planNetwork(spec);
    return openBackend(name, { device: on });
  });
  const compute = opened.name === 'webgpu' ? computeWebgpuLogits : computeLogits;
  try {
    const weights = await readModelWeights(spec, files);
    return { logitsOf: (...options) => compute(spec, weights, ...options), backend: opened };
  } catch (cause) {
    throw new Error(
      `The files of ${description} are not a usable model: ${(cause as Error).message}`,
      { cause },
    );
  }
}
