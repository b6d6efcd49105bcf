/** The step at which a training diverged. */
export interface Divergence {
  epoch: number;
  /** Counts from 1; 0 if the epoch had not begun. */
  step: number;
  /** Per epoch. */
  steps: number;
  /** The learning rate of this step. */
  learningRate: number;
  /** The fault, such as `the loss is NaN`. */
  reason: string;
}

/** The loss or a weight is NaN or infinite. All further steps would give NaN, too. */
export class DivergenceError extends Error {
  override name = 'DivergenceError';
  readonly at: Divergence;

  constructor(at: Divergence) {
    const { epoch, step, steps, learningRate, reason } = at;
    super(
      `The training diverged in epoch ${epoch}, step ${step} of ${steps}, at a learning rate of ${readable(learningRate)}: ${reason}. Earlier epochs and checkpoints are kept, but --resume repeats these steps and ends here again. Train anew with a lower --learning-rate, such as ${readable(learningRate / 10)}, or a longer --warmup-epochs.`,
    );
    this.at = at;
  }
}

const readable = (value: number) => String(Number(value.toPrecision(3)));

/** Returns the first value that is NaN or infinite, or undefined if all are finite. */
export const firstNotFinite = (values: Float32Array): number | undefined => {
  // NaN and infinities make a sum NaN or infinite. Finite float32 values can't: the sum is a double.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return Number.isFinite(sum) ? undefined : values.find((value) => !Number.isFinite(value));
};
