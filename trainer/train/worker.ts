/** A worker thread's own file: it computes gradients of its part of each batch. Started by replicas.ts alone. */
import { parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../shared/model/build-model.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { normalizePixels } from '../../shared/model/predict.ts';
import type { BackendName, DeviceChoice, OpenBackend } from '../backend/backend.ts';
import { openBackend } from '../backend/open-backend.ts';
import type { ImageSet } from '../data/dataset.ts';
import { augmentInto, drawChanges, type ImageChange } from './augment.ts';
import { forward } from './forward.ts';
import { crossEntropy } from './loss.ts';
import { gatherValues, scatterValues } from './master-model.ts';
import { decayingRanges, learningRateAt, openAdam, updateWeights } from './optimizer.ts';
import type { Recipe } from './recipe.ts';
import {
  PAUSE_ASKED,
  PAUSED,
  type SharedState,
  STEPS_DONE,
  slicePart,
  type TestState,
  waitForAll,
} from './shared-state.ts';

/** What a replica is started with. */
export interface ReplicaData {
  index: number;
  replicas: number;
  spec: ModelSpec;
  backend: BackendName;
  device: DeviceChoice;
  /** Threads that the backend may use by itself, where it can. */
  backendThreads: number | undefined;
  recipe: Recipe;
  /** Of one epoch. */
  steps: number;
  seed: number;
  state: SharedState;
}

/** What a replica is told to do, one at a time. */
export type ReplicaTask =
  /**
   * Steps `from` to `to` of an epoch, or fewer where a pause is asked for. `stepsBefore`: the steps of all epochs
   * before this one.
   */
  | { task: 'train-steps'; stepsBefore: number; from: number; to: number }
  | { task: 'evaluate'; set: 'test' | 'validation' };

export type ReplicaMessage = { message: 'ready'; backend: OpenBackend } | { message: 'done' };

/** Test images that go through the network together: few, as all of their activations are in memory at once. */
const evaluationBatch = 64;

const data = workerData as ReplicaData;
const { index, replicas, spec, state } = data;
const { recipe } = data;
const augments = recipe.flip || recipe.shift > 0 || recipe.erase > 0;
const imageSize = spec.inputShape.reduce((product, size) => product * size, 1);
const augmented = new Uint8Array(imageSize);
const backend = await openBackend(data.backend, {
  device: data.device,
  threads: data.backendThreads,
});
const variables = buildModel(spec, data.seed).trainableWeights.map(
  (weight) => weight.read() as unknown as tf.Variable,
);
const adamStep = openAdam(state.memory);
const decaying = decayingRanges(variables.map(({ shape }) => shape));

parentPort?.on('message', (task: ReplicaTask) => {
  if (task.task === 'train-steps') trainSteps(task);
  else evaluate(state[task.set] as TestState);
  send({ message: 'done' });
});
send({ message: 'ready', backend });

function send(message: ReplicaMessage): void {
  parentPort?.postMessage(message);
}

function trainSteps({
  stepsBefore,
  from,
  to,
}: Extract<ReplicaTask, { task: 'train-steps' }>): void {
  const { order, losses, gradients, parameters, progress } = state;
  const ownPart = slicePart(parameters.length, index, replicas);
  for (let step = from; step < to; step++) {
    const total = stepsBefore + step;
    const batch = order.subarray(step * recipe.batchSize, (step + 1) * recipe.batchSize);
    losses[step * replicas + index] = computeGradient(batch, total);
    waitForAll(state.barrier, replicas);
    const learningRate = learningRateAt(recipe, total, data.steps);
    updateWeights(state, gradients, recipe, decaying, learningRate, total + 1, ownPart, adamStep);
    // One replica decides, before a barrier, so that all stop after the same step.
    if (index === 0) Atomics.store(progress, PAUSED, Atomics.load(progress, PAUSE_ASKED));
    waitForAll(state.barrier, replicas);
    if (index === 0) Atomics.store(progress, STEPS_DONE, step + 1);
    if (Atomics.load(progress, PAUSED)) return;
  }
}

/** Writes the gradient of this replica's part of a batch to shared memory and returns its part of the batch's loss. */
function computeGradient(batch: Uint32Array, step: number): number {
  const ownPart = slicePart(batch.length, index, replicas);
  const part = batch.subarray(...ownPart);
  const changes = augments
    ? drawChanges(batch.length, recipe, spec.inputShape, `${data.seed}/augment/${step}`)
    : null;
  const mask = `${data.seed}/${step}/${index}`;
  const gradient = state.gradients[index] as Float32Array;
  if (part.length === 0) {
    gradient.fill(0);
    return 0;
  }
  scatterValues(state.parameters, variables);
  return tf.tidy(() => {
    const images = gatherImages(state.train, part, changes?.slice(...ownPart));
    const labels = tf.tensor1d(
      Array.from(part, (image) => state.train.labels[image] as number),
      'int32',
    );
    const { value, grads } = tf.variableGrads(
      () =>
        crossEntropy(
          forward(spec, variables, images, mask),
          labels,
          batch.length,
          recipe.labelSmoothing,
        ),
      variables,
    );
    gatherValues(
      variables.map(({ name }) => grads[name] as tf.Tensor),
      gradient,
    );
    return value.dataSync()[0] as number;
  });
}

function evaluate({ set, logits }: TestState): void {
  scatterValues(state.tested, variables);
  const [first, end] = slicePart(set.count, index, replicas);
  for (let from = first; from < end; from += evaluationBatch) {
    const part = Uint32Array.from(
      { length: Math.min(evaluationBatch, end - from) },
      (_, position) => from + position,
    );
    const values = tf.tidy(() =>
      forward(spec, variables, gatherImages(set, part), null).dataSync(),
    );
    logits.set(values as Float32Array, from * spec.labels.length);
  }
}

/** @param changes one for each image of the part, where it is augmented */
function gatherImages(
  { images }: ImageSet,
  part: Uint32Array,
  changes?: readonly ImageChange[],
): tf.Tensor {
  const values = new Float32Array(part.length * imageSize);
  for (const [position, image] of part.entries()) {
    const pixels = images.subarray(image * imageSize, (image + 1) * imageSize);
    const change = changes?.[position];
    if (change) augmentInto(augmented, pixels, spec.inputShape, change, recipe);
    normalizePixels(
      change ? augmented : pixels,
      spec.preprocessing,
      values.subarray(position * imageSize, (position + 1) * imageSize),
    );
  }
  return tf.tensor(values, [part.length, ...spec.inputShape]);
}
