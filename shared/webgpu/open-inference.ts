import type { TrainingSpec } from '../model/training-spec.ts';
import { type Buffers, compilePass } from './compile-pass.ts';
import type { StepNumbers } from './kernel.ts';
import { forwardSizes, inferenceKernels } from './network-kernels.ts';
import { planNetwork } from './network-plan.ts';
import type { OpenDevice } from './open-device.ts';
import { submitSteps } from './submit-steps.ts';

/** Returns the bytes of the images `from` to `end - 1`. */
export type ReadImages = (from: number, end: number) => Uint8Array;

/** A network on a GPU that computes logits. */
export interface Inference {
  /**
   * Computes the logits of images, [image][label].
   *
   * @param onProgress called with the number of images that are done
   */
  logitsOf(
    images: ReadImages,
    count: number,
    onProgress?: (done: number) => void,
    signal?: AbortSignal,
  ): Promise<Float32Array>;
  /** Replaces the weights, a flat vector. */
  setWeights(weights: Float32Array): void;
}

/** Bytes of images on the GPU at once. */
const maxImageBytes = 2 ** 25;

const numbersOf = (first: number, count: number): StepNumbers => ({
  first,
  count,
  mask: 0,
  learningRate: 0,
  stepSize: 0,
  inverseCorrection: 0,
  averageShare: 0,
});

/**
 * Opens a network for inference. Weights and buffers are its own, except for those in `shared`.
 *
 * @param shared buffers of a training with the same batch, which does not run at the same time
 * @throws {UnsupportedError} if the kernels can't compute the network
 */
export async function openInference(
  opened: OpenDevice,
  spec: TrainingSpec,
  batch: number,
  shared: Buffers = new Map(),
): Promise<Inference> {
  const plan = planNetwork(spec);
  const size = plan.height * plan.width * plan.channels;
  const batches = Math.max(1, Math.floor(maxImageBytes / size / batch));
  const capacity = batches * batch;
  const buffers = allocateAll(opened, forwardSizes(plan, batch), shared);
  const own = {
    images: opened.allocate('the images of an evaluation', capacity * size),
    weights: opened.allocate('the weights', 4 * plan.parameters),
    logits: opened.allocate('the logits', 4 * capacity * plan.output.units),
  };
  for (const [name, buffer] of Object.entries(own)) buffers.set(name, buffer);
  const kernels = inferenceKernels(plan, batch, spec.preprocessing);
  const pass = await compilePass(opened, kernels, buffers, batches);

  /** @param count of images, which fit into the buffer */
  const compute = async (images: Uint8Array, count: number): Promise<Float32Array> => {
    opened.write(own.images, images);
    const steps = Math.ceil(count / batch);
    const numbers = Array.from({ length: steps }, (_, step) =>
      numbersOf(step * batch, Math.min(batch, count - step * batch)),
    );
    pass.writeSteps(0, numbers);
    const { device, guard } = opened;
    await submitSteps(0, steps, async (from, to) => {
      const encoder = device.createCommandEncoder();
      const computing = encoder.beginComputePass();
      for (let step = from; step < to; step++) pass.encode(computing, step);
      computing.end();
      device.queue.submit([encoder.finish()]);
      await guard(device.queue.onSubmittedWorkDone());
      return true;
    });
    return new Float32Array(await opened.read(own.logits, 4 * count * plan.output.units));
  };
  return {
    async logitsOf(images, count, onProgress, signal) {
      const logits = new Float32Array(count * plan.output.units);
      for (let from = 0; from < count; from += capacity) {
        signal?.throwIfAborted();
        const to = Math.min(count, from + capacity);
        const part = await compute(images(from, to), to - from);
        logits.set(part, from * plan.output.units);
        onProgress?.(to);
      }
      return logits;
    },
    setWeights: (weights) => opened.write(own.weights, weights),
  };
}

/** Allocates buffers of so many numbers each, except for those that are shared. */
export function allocateAll(
  { allocate }: OpenDevice,
  sizes: Record<string, number>,
  shared: Buffers = new Map(),
): Map<string, GPUBuffer> {
  return new Map(
    Object.entries(sizes).map(([name, size]) => [
      name,
      shared.get(name) ?? allocate(`the buffer ${name}`, 4 * size),
    ]),
  );
}
