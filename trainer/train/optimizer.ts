import type { Address } from '../../shared/kernels/common-kernels.ts';
import { adamDefaults, adamFactors } from '../../shared/model/adam.ts';
import { readBuild } from '../backend/wasm-module.ts';
import { sizeOf } from '../weights/tensor.ts';
import { isStatistic, isTrained, type Parameter } from './parameters.ts';
import type { Recipe } from './recipe.ts';

/** Start and end in a flat vector. */
export type Range = readonly [from: number, to: number];

/** The vectors of a step: flat, of one length, on memory that all workers share. */
export interface OptimizerState {
  memory: WebAssembly.Memory;
  parameters: Float32Array;
  /** The velocity, if the optimizer is sgd. */
  firstMoments: Float32Array;
  secondMoments: Float32Array;
  /** Moving average of the parameters; null if the recipe keeps none. */
  average: Float32Array | null;
  /** One per worker. A step adds the others to the first. */
  gradients: readonly Float32Array[];
}

export type UpdateSettings = Pick<Recipe, 'optimizer' | 'weightDecay' | 'averageDecay'>;

/** Takes a step on one part of all weights, in place. Steps count from 1. */
export type UpdateWeights = (learningRate: number, step: number, part: Range) => void;

/** The share of a batch's statistics in batch normalization's moving ones, as in PyTorch's `nn.BatchNorm2d`. */
const statisticsShare = 0.1;

/**
 * Opens a recipe's optimizer. The workers' gradients are always added in the same order, whichever thread adds them. In the
 * place of a statistic's gradient, each worker has its share of the batch's statistic, which the moving one follows.
 *
 * @param tensors of the flat vectors, in their order
 */
export function openOptimizer(
  state: OptimizerState,
  tensors: readonly Pick<Parameter, 'kind' | 'shape' | 'fixed'>[],
  { optimizer, weightDecay, averageDecay }: UpdateSettings,
): UpdateWeights {
  const { parameters, average } = state;
  const { addVector } = openKernels(state.memory);
  const adamStep = openAdam(state.memory);
  const decays = ({ kind, fixed }: Pick<Parameter, 'kind' | 'fixed'>) =>
    kind === 'kernel' && !fixed;
  const decaying = weightDecay > 0 ? rangesOf(tensors, decays) : [];
  const averaged = rangesOf(tensors, isStatistic);
  const trained = rangesOf(tensors, isTrained);
  return (learningRate, step, part) => {
    const [gradient, ...others] = state.gradients as [Float32Array, ...Float32Array[]];
    for (const other of others) {
      addVector(addressIn(gradient, part), addressIn(other, part), part[1] - part[0]);
    }
    for (const range of decaying) {
      const common = commonRange(part, range);
      // Decoupled (Loshchilov & Hutter 2019, arXiv:1711.05101), or a part of the gradient, as in torch.optim.
      if (optimizer === 'adamw') {
        addScaled(parameters, parameters, -learningRate * weightDecay, common);
      } else {
        addScaled(gradient, parameters, weightDecay, common);
      }
    }
    for (const range of trained) {
      const common = commonRange(part, range);
      if (common[0] >= common[1]) continue;
      if (optimizer === 'sgd') sgdStep(state, gradient, learningRate, common);
      else adamStep(state, gradient, learningRate, step, common);
    }
    for (const range of averaged) {
      const common = commonRange(part, range);
      addScaled(parameters, parameters, -statisticsShare, common);
      addScaled(parameters, gradient, statisticsShare, common);
    }
    if (average) averageStep(average, parameters, averageDecay, step, part);
  };
}

/** Returns the parts of a flat vector that belong to some of its tensors. Neighbours are one range. */
export function rangesOf<Tensor extends Pick<Parameter, 'shape'>>(
  tensors: readonly Tensor[],
  belongs: (tensor: Tensor) => boolean,
): Range[] {
  const ranges: [number, number][] = [];
  let from = 0;
  for (const tensor of tensors) {
    const to = from + sizeOf(tensor.shape);
    const last = ranges.at(-1);
    if (belongs(tensor)) {
      if (last?.[1] === from) last[1] = to;
      else ranges.push([from, to]);
    }
    from = to;
  }
  return ranges;
}

const commonRange = (one: Range, other: Range): Range => [
  Math.max(one[0], other[0]),
  Math.min(one[1], other[1]),
];

// One plain loop at a time, which the compiler turns into fast code.

function addScaled(
  target: Float32Array,
  values: Float32Array,
  scale: number,
  [from, to]: Range,
): void {
  for (let i = from; i < to; i++) {
    target[i] = (target[i] as number) + scale * (values[i] as number);
  }
}

/**
 * Returns the share that a moving average takes over from the weights at a step, which counts from 1. It forgets faster during the
 * first steps: decay min(decay, (1 + step) / (10 + step)), as `tf.train.ExponentialMovingAverage` with `num_updates`.
 */
export const averageShareAt = (decay: number, step: number): number =>
  1 - Math.min(decay, (1 + step) / (10 + step));

/** Updates the moving average. */
function averageStep(
  average: Float32Array,
  parameters: Float32Array,
  decay: number,
  step: number,
  [from, to]: Range,
): void {
  const share = averageShareAt(decay, step);
  for (let i = from; i < to; i++) {
    const old = average[i] as number;
    average[i] = old + share * ((parameters[i] as number) - old);
  }
}

type AdamState = Pick<OptimizerState, 'parameters' | 'firstMoments' | 'secondMoments'>;

/** The functions of shared/kernels/assembly/optimizer.ts. */
interface OptimizerModule {
  addVector(target: Address, values: Address, length: number): void;
  adamStep(
    parameters: Address,
    firstMoments: Address,
    secondMoments: Address,
    gradient: Address,
    length: number,
    stepSize: number,
    inverseCorrection: number,
    beta1: number,
    beta2: number,
    epsilon: number,
  ): void;
}

/** @throws {Error} if the kernels are not built (`npm run build`) */
function openKernels(memory: WebAssembly.Memory): OptimizerModule {
  const module = new WebAssembly.Module(readBuild('optimizer.wasm'));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  return instance.exports as unknown as OptimizerModule;
}

const addressIn = ({ byteOffset }: Float32Array, [from]: Range): Address => byteOffset + 4 * from;

/**
 * Opens Adam (Kingma & Ba 2015, arXiv:1412.6980), in the order of operations of PyTorch's `_single_tensor_adam`. It runs
 * in WebAssembly, as a scalar step spends most of its time on square roots and divisions.
 *
 * @param memory holds all vectors that it is called with
 * @throws {Error} if the kernel is not built (`npm run build`)
 */
export function openAdam(memory: WebAssembly.Memory) {
  const { adamStep } = openKernels(memory);
  const { beta1, beta2, epsilon } = adamDefaults;
  return (
    { parameters, firstMoments, secondMoments }: AdamState,
    gradient: Float32Array,
    learningRate: number,
    step: number,
    range: Range,
  ) => {
    const { stepSize, inverseCorrection } = adamFactors(learningRate, step);
    adamStep(
      addressIn(parameters, range),
      addressIn(firstMoments, range),
      addressIn(secondMoments, range),
      addressIn(gradient, range),
      range[1] - range[0],
      stepSize,
      inverseCorrection,
      beta1,
      beta2,
      epsilon,
    );
  };
}

/** The customary momentum of torch.optim.SGD. */
export const momentum = 0.9;

/** Stochastic gradient descent with momentum, as `torch.optim.SGD`: the velocity starts as the first gradient. */
function sgdStep(
  { parameters, firstMoments: velocity }: AdamState,
  gradient: Float32Array,
  learningRate: number,
  [from, to]: Range,
): void {
  for (let i = from; i < to; i++) {
    const speed = (velocity[i] as number) * momentum + (gradient[i] as number);
    velocity[i] = speed;
    parameters[i] = (parameters[i] as number) - learningRate * speed;
  }
}

type Schedule = Pick<Recipe, 'learningRate' | 'schedule' | 'warmupEpochs' | 'epochs'>;

/**
 * Returns the learning rate of a step. It rises linearly during the warm-up, then stays constant or falls along a cosine
 * to 0 at the end (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).
 *
 * @param step counts from 0, over all epochs
 */
export function learningRateAt(
  { learningRate, schedule, warmupEpochs, epochs }: Schedule,
  step: number,
  stepsPerEpoch: number,
): number {
  const warmup = warmupEpochs * stepsPerEpoch;
  if (step < warmup) return learningRate * Math.min(1, (step + 1) / warmup);
  if (schedule === 'constant') return learningRate;
  const share = (step - warmup) / (epochs * stepsPerEpoch - warmup);
  return (learningRate * (1 + Math.cos(Math.PI * share))) / 2;
}
