import { type AdamState, type AdamStep, adamDefaults } from './adam.ts';
import type { Recipe } from './recipe.ts';
import { sgdStep } from './sgd.ts';

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
