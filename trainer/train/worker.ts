/** The program of a worker thread, which computes the gradients of its part of each batch. Only workers.ts starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import seedrandom from 'seedrandom';
// Registers the gradients of TensorFlow.js's own operations.
import '@tensorflow/tfjs-layers';
import { normalizePixels } from '../../shared/model/predict.ts';
import { publishedSpec, type TrainingSpec } from '../../shared/model/training-spec.ts';
import type { BackendName, DeviceChoice, OpenBackend } from '../backend/backend.ts';
import { openBackend } from '../backend/open-backend.ts';
import type { ImageSet } from '../data/dataset.ts';
import { imageIn } from '../data/image-set.ts';
import { augmentInto, drawChanges, type ImageChange } from './augment.ts';
import { augmentPhoto, footwear } from './augment-photo.ts';
import { type Distillation, distilledLoss, openTeachers } from './distillation.ts';
import { assignFlat, crossEntropy, forward, type RecordStatistics, valuesOf } from './forward.ts';
import { balancedWeights } from './image-order.ts';
import { learningRateAt, openOptimizer } from './optimizer.ts';
import { isStatistic, isTrained, type Parameter, parametersOf } from './parameters.ts';
import { openRandom } from './photo-random.ts';
import type { Recipe } from './recipe.ts';
import {
  PAUSE_REQUESTED,
  PAUSED,
  type SharedState,
  STEPS_DONE,
  slicePart,
  stepLoss,
  type TestState,
  waitForAll,
} from './shared-state.ts';

/** The data that a worker starts with. */
export interface WorkerData {
  index: number;
  /** The number of workers. */
  count: number;
  spec: TrainingSpec;
  backend: BackendName;
  device: DeviceChoice;
  /** Threads that the backend itself may use (default: one per core). */
  backendThreads: number | undefined;
  recipe: Recipe;
  distillation: Distillation | undefined;
  /** Per epoch. */
  steps: number;
  seed: number;
  state: SharedState;
}

/** A task, which all workers do at the same time. */
export type WorkerTask =
  /**
   * Trains steps `from` to `to` of an epoch, or fewer if a pause is requested or the loss is not finite. `stepsBefore` counts
   * the steps of all earlier epochs.
   */
  | { task: 'train-steps'; stepsBefore: number; from: number; to: number }
  | { task: 'evaluate'; set: 'test' | 'validation' };

export type WorkerMessage = { message: 'ready'; backend: OpenBackend } | { message: 'done' };

/** Images per forward pass of an evaluation; few, as all of their activations are in memory at once. */
const evaluationBatch = 64;

const variablesOf = (tensors: readonly Parameter[]) =>
  tensors.map(({ shape }) => tf.variable(tf.zeros([...shape])));

const data = workerData as WorkerData;
const { index, count, spec, recipe, distillation, seed, state } = data;
const augments = recipe.flip || recipe.shift > 0 || recipe.erase > 0 || recipe.photos > 0;
const imageSize = spec.inputShape.reduce((product, size) => product * size, 1);
const augmented = new Uint8Array(imageSize);
/** Of each training image. */
const views = imageIn(state.train, 0).length / imageSize;
const labelWeights =
  recipe.classWeights === 'balanced'
    ? balancedWeights(state.train.labels, spec.labels.length)
    : null;
const backend = await openBackend(data.backend, {
  device: data.device,
  threads: data.backendThreads,
});
const tensors = parametersOf(spec);
const variables = variablesOf(tensors);
const trained = variables.filter((_, at) => isTrained(tensors[at] as Parameter));
const published = publishedSpec(spec);
/** Weights of the published network, if it is not the one that trains. */
const tested = tensors.some(isStatistic) ? variablesOf(parametersOf(published)) : variables;
const updateWeights = openOptimizer(state, tensors, recipe);
const teach = distillation && openTeachers(distillation.teachers);

parentPort?.on('message', (task: WorkerTask) => {
  if (task.task === 'train-steps') trainSteps(task);
  else evaluate(state[task.set] as TestState);
  send({ message: 'done' });
});
send({ message: 'ready', backend });

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function trainSteps({ stepsBefore, from, to }: Extract<WorkerTask, { task: 'train-steps' }>): void {
  const { order, losses, parameters, progress } = state;
  const ownPart = slicePart(parameters.length, index, count);
  for (let step = from; step < to; step++) {
    const total = stepsBefore + step;
    const batch = order.subarray(step * recipe.batchSize, (step + 1) * recipe.batchSize);
    losses[step * count + index] = computeGradient(batch, total);
    waitForAll(state.barrier, count);
    // The training has diverged. All workers see the same losses, so all stop here, before an update spoils the weights.
    if (!Number.isFinite(stepLoss(losses, step, count))) return;
    updateWeights(learningRateAt(recipe, total, data.steps), total + 1, ownPart);
    // One worker decides, before a barrier, so that all stop after the same step.
    if (index === 0) Atomics.store(progress, PAUSED, Atomics.load(progress, PAUSE_REQUESTED));
    waitForAll(state.barrier, count);
    if (index === 0) Atomics.store(progress, STEPS_DONE, step + 1);
    if (Atomics.load(progress, PAUSED)) return;
  }
}

/** Writes the gradient of this worker's part of a batch to shared memory and returns that part's share of the loss. */
function computeGradient(batch: Uint32Array, step: number): number {
  const ownPart = slicePart(batch.length, index, count);
  const part = batch.subarray(...ownPart);
  const gradient = state.gradients[index] as Float32Array;
  if (part.length === 0) {
    gradient.fill(0);
    return 0;
  }
  const augment = augments ? openAugmentation(batch.length, ownPart[0], step) : null;
  const drawn = views > 1 ? drawViews(batch.length, step).subarray(...ownPart) : null;
  assignFlat(state.parameters, variables);
  return tf.tidy(() => {
    const images = gatherImages(state.train, part, augment, drawn);
    const ids = Array.from(part, (image) => state.train.labels[image] as number);
    const labels = tf.tensor1d(ids, 'int32');
    const weights = labelWeights
      ? tf.tensor2d(
          ids.map((id) => labelWeights[id] as number),
          [ids.length, 1],
        )
      : null;
    const taught = teach?.(images);
    const record = writeStatistics(gradient, part.length / batch.length);
    const { value, grads } = tf.variableGrads(() => {
      const logits = forward(spec, variables, images, `${seed}/${step}/${index}`, record);
      const { labelSmoothing } = recipe;
      const loss = crossEntropy(logits, labels, batch.length, labelSmoothing, weights);
      return distillation && taught
        ? distilledLoss(loss, logits, taught, distillation, batch.length, weights)
        : loss;
    }, trained);
    for (const [at, { offset }] of tensors.entries()) {
      const own = grads[(variables[at] as tf.Variable).name];
      if (own) gradient.set(valuesOf(own), offset);
    }
    return value.dataSync()[0] as number;
  });
}

/**
 * Returns a function that writes this worker's share of a batch's statistics in the place of their gradients. The variance becomes the
 * unbiased one, as in PyTorch's moving statistics.
 */
function writeStatistics(gradient: Float32Array, share: number): RecordStatistics {
  return (layer, mean, variance, count) => {
    const ofLayer = tensors.filter((tensor) => tensor.layer === layer && isStatistic(tensor));
    for (const { kind, offset } of ofLayer) {
      const scale = kind === 'mean' ? share : (share * count) / Math.max(1, count - 1);
      const values = valuesOf(kind === 'mean' ? mean : variance);
      for (const [at, value] of values.entries()) gradient[offset + at] = scale * value;
    }
  };
}

/** Computes the logits of this worker's part of a test set. */
function evaluate({ set, logits }: TestState): void {
  assignFlat(state.tested, tested);
  const [first, end] = slicePart(set.count, index, count);
  for (let from = first; from < end; from += evaluationBatch) {
    const length = Math.min(evaluationBatch, end - from);
    const part = Uint32Array.from({ length }, (_, position) => from + position);
    const values = tf.tidy(() =>
      forward(published, tested, gatherImages(set, part), null).dataSync<'float32'>(),
    );
    logits.set(values, from * spec.labels.length);
  }
}

/** Returns the pixels that an image is trained on. They are overwritten by the next call. */
type Augment = (pixels: Uint8Array, label: number, position: number) => Uint8Array;

/**
 * Draws the changes of a batch from the seed, the step and each image's position, so that they do not depend on the number of workers.
 *
 * @param first position of this worker's first image in the batch
 */
function openAugmentation(batchLength: number, first: number, step: number): Augment {
  const changes = drawChanges(batchLength, recipe, spec.inputShape, `${seed}/augment/${step}`);
  return (pixels, label, position) => {
    const random = openRandom(`${seed}/photo/${step}/${first + position}`);
    if (random.happens(recipe.photos)) {
      augmentPhoto(augmented, pixels, footwear.has(spec.labels[label] as string), random);
    } else {
      const change = changes[first + position] as ImageChange;
      augmentInto(augmented, pixels, spec.inputShape, change, recipe);
    }
    return augmented;
  };
}

/** Draws the views of a whole batch, as the changes of its images are drawn. */
function drawViews(batchLength: number, step: number): Uint32Array {
  const random = seedrandom.alea(`${seed}/view/${step}`);
  return Uint32Array.from({ length: batchLength }, () => Math.floor(random() * views));
}

/** @param drawn the view of each image (default: the first) */
function gatherImages(
  set: ImageSet,
  part: Uint32Array,
  augment: Augment | null = null,
  drawn: Uint32Array | null = null,
): tf.Tensor {
  const { inputs } = set;
  const values = new Float32Array(part.length * imageSize);
  for (const [position, image] of part.entries()) {
    if (inputs) {
      const input = inputs.subarray(image * imageSize, (image + 1) * imageSize);
      values.set(input, position * imageSize);
      continue;
    }
    const from = (drawn?.[position] ?? 0) * imageSize;
    const pixels = imageIn(set, image).subarray(from, from + imageSize);
    normalizePixels(
      augment ? augment(pixels, set.labels[image] as number, position) : pixels,
      spec.preprocessing,
      values.subarray(position * imageSize, (position + 1) * imageSize),
    );
  }
  return tf.tensor(values, [part.length, ...spec.inputShape]);
}
