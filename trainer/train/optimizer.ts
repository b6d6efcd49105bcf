import type { Address } from '../../shared/kernels/common-kernels.ts';
import { readBuild } from '../backend/wasm-module.ts';
import type { Recipe } from './recipe.ts';

/** From and to, in a flat vector. */
export type Range = [from: number, to: number];

/** What a step changes; flat vectors of one length, on memory shared by all replicas. */
export interface WeightState extends AdamState {
  /** The moving average of the parameters, where the recipe keeps one. */
  average: Float32Array | null;
}

export type UpdateSettings = Pick<Recipe, 'optimizer' | 'weightDecay' | 'averageDecay'>;

/**
 * Weight decay applies to kernels, which have two dimensions or more, and not to biases.
 *
 * @param shapes of the tensors in a flat vector, in its order
 */
export function decayingRanges(shapes: readonly (readonly number[])[]): Range[] {
  const ranges: Range[] = [];
  let from = 0;
  for (const shape of shapes) {
    const to = from + shape.reduce((product, size) => product * size, 1);
    if (shape.length > 1) ranges.push([from, to]);
    from = to;
  }
  return ranges;
}

/**
 * One step of the recipe's optimizer on one part of all weights, in place. The gradient is the sum of the replicas'
 * ones, added in the same order whichever thread does it.
 *
 * @param gradients one flat vector per replica; the first one's part is overwritten
 * @param decaying the parts of the vectors that weight decay applies to
 * @param step counts from 1
 * @param adamStep opened on the memory of the state and the gradients
 */
export function updateWeights(
  state: WeightState,
  gradients: readonly Float32Array[],
  { optimizer, weightDecay, averageDecay }: UpdateSettings,
  decaying: readonly Range[],
  learningRate: number,
  step: number,
  [from, to]: Range,
  adamStep: AdamStep,
): void {
  const { parameters, average } = state;
  const gradient = addUp(gradients, from, to);
  if (weightDecay > 0) {
    for (const range of decaying) {
      const [first, end] = [Math.max(from, range[0]), Math.min(to, range[1])];
      // Decoupled (Loshchilov & Hutter 2019, arXiv:1711.05101), or a part of the gradient, as torch.optim does it.
      if (optimizer === 'adamw')
        addScaled(parameters, parameters, -learningRate * weightDecay, first, end);
      else addScaled(gradient, parameters, weightDecay, first, end);
    }
  }
  if (optimizer === 'sgd') {
    sgdStep(parameters, state.firstMoments, gradient, learningRate, from, to);
  } else {
    adamStep(state, gradient, { ...adamDefaults, learningRate }, step, from, to);
  }
  if (average) averageStep(average, parameters, averageDecay, step, from, to);
}

// One plain loop at a time: that is what the compiler turns into fast code.

function addUp(gradients: readonly Float32Array[], from: number, to: number): Float32Array {
  const [sum, ...others] = gradients as [Float32Array, ...Float32Array[]];
  for (const other of others) {
    for (let i = from; i < to; i++) sum[i] = (sum[i] as number) + (other[i] as number);
  }
  return sum;
}

function addScaled(
  target: Float32Array,
  values: Float32Array,
  scale: number,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    target[i] = (target[i] as number) + scale * (values[i] as number);
  }
}

/**
 * The average forgets faster while there is little to average: decay min(decay, (1 + step) / (10 + step)), as
 * `tf.train.ExponentialMovingAverage` with `num_updates`.
 */
function averageStep(
  average: Float32Array,
  parameters: Float32Array,
  decay: number,
  step: number,
  from: number,
  to: number,
): void {
  const share = 1 - Math.min(decay, (1 + step) / (10 + step));
  for (let i = from; i < to; i++) {
    const old = average[i] as number;
    average[i] = old + share * ((parameters[i] as number) - old);
  }
}

export interface AdamOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** PyTorch's defaults (torch.optim.Adam). */
export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** The flat vectors that Adam works on; all of one length, on one memory shared by all replicas. */
export interface AdamState {
  parameters: Float32Array;
  firstMoments: Float32Array;
  secondMoments: Float32Array;
}

/**
 * One step of Adam (Kingma & Ba 2015, arXiv:1412.6980) on the numbers `from` to `to`, in place, in the order
 * of operations of PyTorch's `_single_tensor_adam`.
 *
 * @param gradient as long as the state's vectors
 * @param step counts from 1
 */
export type AdamStep = (
  state: AdamState,
  gradient: Float32Array,
  options: AdamOptions,
  step: number,
  from: number,
  to: number,
) => void;

/** The function of shared/kernels/assembly/optimizer.ts. */
interface OptimizerModule {
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

/**
 * Adam for vectors on a shared memory: in WebAssembly, as most of a scalar step is spent on square roots and divisions.
 *
 * @param memory where all vectors lie that it will be given
 * @throws {Error} where it was not built (`npm run build`)
 */
export function openAdam(memory: WebAssembly.Memory): AdamStep {
  const module = new WebAssembly.Module(readBuild('optimizer.wasm'));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const { adamStep } = instance.exports as unknown as OptimizerModule;
  return (
    { parameters, firstMoments, secondMoments },
    gradient,
    { learningRate, beta1, beta2, epsilon },
    step,
    from,
    to,
  ) => {
    const addressIn = ({ byteOffset }: Float32Array) => byteOffset + 4 * from;
    adamStep(
      addressIn(parameters),
      addressIn(firstMoments),
      addressIn(secondMoments),
      addressIn(gradient),
      to - from,
      learningRate / (1 - beta1 ** step),
      1 / Math.sqrt(1 - beta2 ** step),
      beta1,
      beta2,
      epsilon,
    );
  };
}

/** Of torch.optim.SGD; the customary value. */
export const momentum = 0.9;

/**
 * One step of stochastic gradient descent with momentum on the numbers `from` to `to`, in place, as
 * `torch.optim.SGD(momentum=0.9)` takes it: the velocity starts as the first gradient.
 *
 * @param velocity 0 at first
 */
export function sgdStep(
  parameters: Float32Array,
  velocity: Float32Array,
  gradient: Float32Array,
  learningRate: number,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const speed = (velocity[i] as number) * momentum + (gradient[i] as number);
    velocity[i] = speed;
    parameters[i] = (parameters[i] as number) - learningRate * speed;
  }
}

/**
 * The learning rate of one step: it rises in a line over the warm-up, then stays, or falls along a cosine to 0 at the
 * end (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).
 *
 * @param step counts from 0, over all epochs
 */
export function learningRateAt(
  {
    learningRate,
    schedule,
    warmupEpochs,
    epochs,
  }: Pick<Recipe, 'learningRate' | 'schedule' | 'warmupEpochs' | 'epochs'>,
  step: number,
  stepsPerEpoch: number,
): number {
  const warmup = warmupEpochs * stepsPerEpoch;
  if (step < warmup) return learningRate * Math.min(1, (step + 1) / warmup);
  if (schedule === 'constant') return learningRate;
  const share = (step - warmup) / (epochs * stepsPerEpoch - warmup);
  return (learningRate * (1 + Math.cos(Math.PI * share))) / 2;
}
