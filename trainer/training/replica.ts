/** A worker thread's own file: it computes gradients of its part of each batch. Started by replicas.ts alone. */
import { parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../shared/build-model.ts';
import type { ModelSpec } from '../../shared/model-spec.ts';
import { normalizePixels } from '../../shared/preprocess.ts';
import type { BackendName, DeviceChoice, OpenBackend } from '../backends/backend.ts';
import { openBackend } from '../backends/open-backend.ts';
import type { ImageSet } from '../dataset/dataset.ts';
import { type AdamOptions, adamStep } from './adam.ts';
import { waitForAll } from './barrier.ts';
import { gatherValues, scatterValues } from './flat-weights.ts';
import { forward } from './forward.ts';
import { crossEntropy } from './loss.ts';
import { type SharedState, slicePart } from './shared-state.ts';

/** What a replica is started with. */
export interface ReplicaData {
  index: number;
  replicas: number;
  spec: ModelSpec;
  backend: BackendName;
  device: DeviceChoice;
  /** Threads that the backend may use by itself, where it can. */
  backendThreads: number | undefined;
  batchSize: number;
  adam: AdamOptions;
  seed: number;
  state: SharedState;
}

/** What a replica is told to do, one at a time. */
export type ReplicaTask =
  /** `stepsBefore`: the steps of all epochs before this one. */
  { task: 'train-epoch'; stepsBefore: number } | { task: 'evaluate' };

export type ReplicaMessage = { message: 'ready'; backend: OpenBackend } | { message: 'done' };

/** Test images that go through the network together. */
const evaluationBatch = 250;

const data = workerData as ReplicaData;
const { index, replicas, spec, state } = data;
const imageSize = spec.inputShape.reduce((product, size) => product * size, 1);
const backend = await openBackend(data.backend, {
  device: data.device,
  threads: data.backendThreads,
});
const variables = buildModel(spec, data.seed).trainableWeights.map(
  (weight) => weight.read() as unknown as tf.Variable,
);

parentPort?.on('message', (task: ReplicaTask) => {
  if (task.task === 'train-epoch') trainEpoch(task.stepsBefore);
  else evaluate();
  send({ message: 'done' });
});
send({ message: 'ready', backend });

function send(message: ReplicaMessage): void {
  parentPort?.postMessage(message);
}

function trainEpoch(stepsBefore: number): void {
  const { order, losses, gradients, parameters, progress } = state;
  const [firstParameter, endParameter] = slicePart(parameters.length, index, replicas);
  for (let step = 0; step * data.batchSize < order.length; step++) {
    const batch = order.subarray(step * data.batchSize, (step + 1) * data.batchSize);
    const part = batch.subarray(...slicePart(batch.length, index, replicas));
    const mask = `${data.seed}/${stepsBefore + step}/${index}`;
    losses[step * replicas + index] = computeGradient(part, batch.length, mask);
    waitForAll(state.barrier, replicas);
    adamStep(state, gradients, data.adam, stepsBefore + step + 1, firstParameter, endParameter);
    waitForAll(state.barrier, replicas);
    if (index === 0) Atomics.store(progress, 0, step + 1);
  }
}

/** Writes the gradient of this part of a batch to shared memory and returns its part of the batch's loss. */
function computeGradient(part: Uint32Array, batchLength: number, mask: string): number {
  const gradient = state.gradients[index] as Float32Array;
  if (part.length === 0) {
    gradient.fill(0);
    return 0;
  }
  scatterValues(state.parameters, variables);
  return tf.tidy(() => {
    const images = gatherImages(state.train, part);
    const labels = tf.tensor1d(
      Array.from(part, (image) => state.train.labels[image] as number),
      'int32',
    );
    const { value, grads } = tf.variableGrads(
      () => crossEntropy(forward(spec, variables, images, mask), labels, batchLength),
      variables,
    );
    gatherValues(
      variables.map(({ name }) => grads[name] as tf.Tensor),
      gradient,
    );
    return value.dataSync()[0] as number;
  });
}

function evaluate(): void {
  scatterValues(state.parameters, variables);
  const { test, logits } = state;
  const [first, end] = slicePart(test.count, index, replicas);
  for (let from = first; from < end; from += evaluationBatch) {
    const part = Uint32Array.from(
      { length: Math.min(evaluationBatch, end - from) },
      (_, position) => from + position,
    );
    const values = tf.tidy(() =>
      forward(spec, variables, gatherImages(test, part), null).dataSync(),
    );
    logits.set(values as Float32Array, from * spec.labels.length);
  }
}

function gatherImages({ images }: ImageSet, part: Uint32Array): tf.Tensor {
  const values = new Float32Array(part.length * imageSize);
  for (const [position, image] of part.entries()) {
    normalizePixels(
      images.subarray(image * imageSize, (image + 1) * imageSize),
      spec.preprocessing,
      values.subarray(position * imageSize, (position + 1) * imageSize),
    );
  }
  return tf.tensor(values, [part.length, ...spec.inputShape]);
}
