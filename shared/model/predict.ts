import type { Scale } from './model-spec.ts';
import type { Prediction } from './prediction.ts';

/**
 * Converts logits to probabilities.
 *
 * @param logits one per label
 * @returns probabilities that sum to 1, computed in double precision
 */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const max = Math.max(...values);
  const exponentials = values.map((logit) => Math.exp(logit - max));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/** Returns the position of the largest value, the first if several are equal. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if ((values[i] as number) > (values[best] as number)) best = i;
  }
  return best;
}

/**
 * Converts logits to the answer with probabilities.
 *
 * @param logits one per label
 * @param labels the model's labels, in id order
 */
export function toPrediction(logits: ArrayLike<number>, labels: readonly string[]): Prediction {
  const probabilities = softmax(logits).map((probability, id) => ({
    id,
    label: labels[id] as string,
    probability,
  }));
  const predicted = probabilities[argMax(logits)] as Prediction['predicted'];
  return { predicted, probabilities };
}

/**
 * Normalizes values 0..255 for the network: `(p / 255 - mean) / std`, with the mean and std of each channel if they differ.
 *
 * @param pixels the bytes of any number of images
 * @param target the array to write to (default: a new one)
 */
export function normalizePixels(
  pixels: ArrayLike<number>,
  { mean, std }: Scale,
  target: Float32Array = new Float32Array(pixels.length),
): Float32Array {
  const means = [mean].flat();
  const stds = [std].flat();
  const step = Math.max(means.length, stds.length);
  for (let channel = 0; channel < step; channel++) {
    const ownMean = means[channel % means.length] as number;
    const ownStd = stds[channel % stds.length] as number;
    for (let i = channel; i < pixels.length; i += step) {
      target[i] = ((pixels[i] as number) / 255 - ownMean) / ownStd;
    }
  }
  return target;
}
