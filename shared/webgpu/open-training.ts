import type { TrainingSpec } from '../model/training-spec.ts';
import { compilePass } from './compile-pass.ts';
import type { StepNumbers } from './kernel.ts';
import {
  backwardSizes,
  forwardSizes,
  type TrainingSettings,
  trainingKernels,
} from './network-kernels.ts';
import { planNetwork } from './network-plan.ts';
import type { OpenDevice } from './open-device.ts';
import { allocateAll, type Inference, openInference, type ReadImages } from './open-inference.ts';
import { submitSteps } from './submit-steps.ts';

/** The flat vectors of a training: all of the same length. `average` is null if there is none. */
export interface Vectors {
  parameters: Float32Array;
  firstMoments: Float32Array;
  secondMoments: Float32Array;
  average: Float32Array | null;
}

export interface TrainingOptions {
  spec: TrainingSpec;
  batch: number;
  /** Per epoch. */
  steps: number;
  /** The training images and their label ids. They stay on the GPU. */
  images: ReadImages;
  labels: Uint8Array;
  settings: TrainingSettings;
}

/** A training on a GPU. */
export interface GpuTraining {
  inference: Inference;
  /** Copies the vectors to the GPU, or back. */
  load(vectors: Vectors): void;
  store(vectors: Vectors): Promise<void>;
  /** Sets the order of an epoch's images, and their packed changes in that order, if the recipe has some. */
  startEpoch(order: Uint32Array, changes: Uint32Array | null): void;
  /**
   * Takes the steps of the epoch from `from` on.
   *
   * @param numbers one per step
   * @param onLosses gets the losses of every step that was taken, one per image
   * @param continues is asked now and then whether to take more; those that are under way are still taken
   */
  train(
    from: number,
    numbers: readonly StepNumbers[],
    onLosses: (step: number, losses: Float32Array) => void,
    continues: () => boolean,
  ): Promise<void>;
}

/**
 * Compiles the kernels of a training and copies its images to the GPU.
 *
 * @throws {UnsupportedError} if the kernels can't compute it
 */
export async function openTraining(
  opened: OpenDevice,
  options: TrainingOptions,
): Promise<GpuTraining> {
  const { spec, batch, steps, images, labels, settings } = options;
  const { device, guard, allocate, write } = opened;
  const plan = planNetwork(spec);
  const count = labels.length;
  const buffers = allocateAll(opened, {
    ...forwardSizes(plan, batch),
    ...backwardSizes(plan, batch),
  });
  const vector = (name: string) => allocate(name, 4 * plan.parameters);
  const vectors = {
    parameters: vector('the weights'),
    firstMoments: vector('the first moments'),
    secondMoments: vector('the second moments'),
    average: settings.averageDecay > 0 ? vector('the averaged weights') : null,
  };
  const losses = allocate('the losses', 4 * count);
  const order = allocate('the order of the images', 4 * count);
  const changes = settings.augmentation ? allocate('the changes of the images', 4 * count) : null;
  const named = { weights: vectors.parameters, ...vectors, losses, order, changes };
  for (const [name, buffer] of Object.entries(named)) if (buffer) buffers.set(name, buffer);
  buffers.set(
    'images',
    uploadImages(opened, images, count, plan.height * plan.width * plan.channels),
  );
  buffers.set('labels', allocate('the labels', labels));
  const kernels = trainingKernels(plan, batch, spec.preprocessing, settings);
  const pass = await compilePass(opened, kernels, buffers, steps);
  const inference = await openInference(opened, spec, batch, buffers);
  const names = ['parameters', 'firstMoments', 'secondMoments', 'average'] as const;

  return {
    inference,
    load(source) {
      for (const name of names) {
        const [target, values] = [vectors[name], source[name]];
        if (target && values) write(target, values);
      }
    },
    async store(target) {
      for (const name of names) {
        const [source, values] = [vectors[name], target[name]];
        if (source && values)
          values.set(new Float32Array(await opened.read(source, values.byteLength)));
      }
    },
    startEpoch(newOrder, newChanges) {
      write(order, newOrder);
      if (changes && newChanges) write(changes, newChanges);
    },
    async train(from, numbers, onLosses, continues) {
      pass.writeSteps(from, numbers);
      await submitSteps(from, from + numbers.length, async (first, end) => {
        const encoder = device.createCommandEncoder();
        const computing = encoder.beginComputePass();
        for (let step = first; step < end; step++) pass.encode(computing, step);
        computing.end();
        const start = first * batch;
        const size = 4 * (Math.min(end * batch, count) - start);
        const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
        const staging = device.createBuffer({ size, usage });
        encoder.copyBufferToBuffer(losses, 4 * start, staging, 0, size);
        device.queue.submit([encoder.finish()]);
        await guard(staging.mapAsync(GPUMapMode.READ));
        const values = new Float32Array(staging.getMappedRange().slice());
        staging.destroy();
        for (let step = first; step < end; step++) {
          const at = (step - first) * batch;
          onLosses(step, values.subarray(at, at + batch));
        }
        return continues();
      });
    },
  };
}

/** Images that are copied at once: a multiple of 4, so that each part starts at a multiple of 4 bytes. */
const imagesAtOnce = 4096;

function uploadImages(
  { allocate, write }: OpenDevice,
  images: ReadImages,
  count: number,
  imageBytes: number,
): GPUBuffer {
  const buffer = allocate('the training images', count * imageBytes);
  for (let from = 0; from < count; from += imagesAtOnce) {
    write(buffer, images(from, Math.min(count, from + imagesAtOnce)), from * imageBytes);
  }
  return buffer;
}
