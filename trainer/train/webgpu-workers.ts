import { adamDefaults, adamFactors } from '../../shared/model/adam.ts';
import { maskSeed } from '../../shared/webgpu/head-kernel.ts';
import type { StepNumbers } from '../../shared/webgpu/kernel.ts';
import { UnsupportedError } from '../../shared/webgpu/network-plan.ts';
import { openDevice } from '../../shared/webgpu/open-device.ts';
import {
  type GpuTraining,
  openTraining,
  type TrainingOptions,
} from '../../shared/webgpu/open-training.ts';
import { packChange } from '../../shared/webgpu/prepare-kernel.ts';
import { openAdapter } from '../backend/webgpu/open-adapter.ts';
import type { ImageSet } from '../data/dataset.ts';
import { imagesBetween } from '../data/image-set.ts';
import { drawChanges } from './augment.ts';
import { balancedWeights } from './image-order.ts';
import { averageShareAt, learningRateAt, momentum } from './optimizer.ts';
import type { Recipe } from './recipe.ts';
import { PAUSE_REQUESTED, type SharedState, STEPS_DONE, type TestState } from './shared-state.ts';
import type { WorkerTask } from './worker.ts';
import { openState, type Workers, type WorkersOptions } from './workers.ts';

/**
 * Opens a training on a GPU, in place of worker threads. The weights come to the shared state at the end of each task, as
 * checkpoints and tests need them.
 *
 * @throws {NotSetUpError} if WebGPU is not set up
 * @throws {UnsupportedError} if the network or the recipe needs what the kernels can't compute
 * @throws {Error} if there is no GPU; `perform` throws if it stops
 */
export async function openWebgpuWorkers(options: WorkersOptions): Promise<Workers> {
  const { recipe, distillation } = options;
  if (recipe.photos > 0) throw unsupportedRecipe('--photos');
  if (distillation) throw unsupportedRecipe('--teacher');
  const found = await openAdapter(options.device);
  const opened = await openDevice(found.adapter);
  try {
    const state = openState(options, 1);
    const wanted = trainingOptions(options, state.train);
    const training = await opened.prepare(() => openTraining(opened, wanted));
    return {
      backend: { name: 'webgpu', device: found.device, warning: found.warning },
      count: 1,
      state,
      perform: performer(training, state, options),
      stop: async () => opened.close(),
    };
  } catch (error) {
    opened.close();
    throw error;
  }
}

function trainingOptions(
  { spec, recipe, steps }: WorkersOptions,
  trainSet: ImageSet,
): TrainingOptions {
  const { labels, count } = trainSet;
  const images = readImages(trainSet);
  const isBalanced = recipe.classWeights === 'balanced';
  const labelWeights = isBalanced ? balancedWeights(labels, spec.labels.length) : null;
  const augmentation = augments(recipe) ? recipe : null;
  const settings = { ...recipe, ...adamDefaults, momentum, labelWeights, augmentation };
  return { spec, batch: Math.min(recipe.batchSize, count), steps, images, labels, settings };
}

const readImages = (set: ImageSet) => (from: number, end: number) => imagesBetween(set, from, end);

const unsupportedRecipe = (setting: string) =>
  new UnsupportedError(`the webgpu backend can't train with ${setting}; use --backend wasm`);

const augments = ({ flip, shift, erase }: Recipe) => flip || shift > 0 || erase > 0;

type Settings = Pick<WorkersOptions, 'recipe' | 'steps' | 'seed' | 'spec'>;

function performer(
  training: GpuTraining,
  state: SharedState,
  settings: Settings,
): Workers['perform'] {
  let isLoaded = false;
  return async (task) => {
    // The main thread sets the state, perhaps to a checkpoint, before the first task.
    if (!isLoaded) training.load(state);
    isLoaded = true;
    if (task.task === 'train-steps') await trainSteps(task, training, state, settings);
    else await evaluate(training, state, state[task.set] as TestState);
  };
}

async function trainSteps(
  { stepsBefore, from, to }: Extract<WorkerTask, { task: 'train-steps' }>,
  training: GpuTraining,
  state: SharedState,
  settings: Settings,
): Promise<void> {
  const { order, losses, progress } = state;
  training.startEpoch(order, changesOf(stepsBefore, order.length, settings));
  const numbers = Array.from({ length: to - from }, (_, index) =>
    numbersOf(stepsBefore, from + index, order.length, settings),
  );
  let hasDiverged = false;
  const record = (step: number, ofImages: Float32Array) => {
    if (hasDiverged) return;
    const loss = ofImages.reduce((sum, ofImage) => sum + ofImage, 0) / ofImages.length;
    losses[step] = loss;
    // The main thread finds the loss that is not finite, and that its step does not count.
    hasDiverged = !Number.isFinite(loss);
    if (!hasDiverged) Atomics.store(progress, STEPS_DONE, step + 1);
  };
  const continues = () => !hasDiverged && Atomics.load(progress, PAUSE_REQUESTED) === 0;
  await training.train(from, numbers, record, continues);
  await training.store(state);
}

/** Returns the numbers of a step. Every image of the step has the same share of its loss. */
function numbersOf(
  stepsBefore: number,
  step: number,
  images: number,
  settings: Settings,
): StepNumbers {
  const { recipe, steps, seed } = settings;
  const total = stepsBefore + step;
  const learningRate = learningRateAt(recipe, total, steps);
  const first = step * recipe.batchSize;
  return {
    first,
    count: Math.min(recipe.batchSize, images - first),
    mask: maskSeed(seed, total),
    learningRate,
    ...adamFactors(learningRate, total + 1),
    averageShare: averageShareAt(recipe.averageDecay, total + 1),
  };
}

/** Draws the changes of an epoch's images, the same as on the other backends. */
function changesOf(stepsBefore: number, images: number, { recipe, spec, seed }: Settings) {
  if (!augments(recipe)) return null;
  const packed = new Uint32Array(images);
  for (let first = 0, step = stepsBefore; first < images; first += recipe.batchSize, step++) {
    const count = Math.min(recipe.batchSize, images - first);
    const drawn = drawChanges(count, recipe, spec.inputShape, `${seed}/augment/${step}`);
    packed.set(drawn.map(packChange), first);
  }
  return packed;
}

async function evaluate(
  { inference }: GpuTraining,
  { tested }: SharedState,
  { set, logits }: TestState,
): Promise<void> {
  inference.setWeights(tested);
  logits.set(await inference.logitsOf(readImages(set), set.count));
}
