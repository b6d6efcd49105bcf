import type { ModelSpec } from './model-spec.ts';
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
 * Normalizes grey pixels 0..255 for the network: `(p / 255 - mean) / std`.
 *
 * @param pixels the bytes of any number of images
 * @param target the array to write to (default: a new one)
 */
export function normalizePixels(
  pixels: ArrayLike<number>,
  { mean, std }: ModelSpec['preprocessing'],
  target = new Float32Array(pixels.length),
): Float32Array {
  for (let i = 0; i < pixels.length; i++) {
    target[i] = ((pixels[i] as number) / 255 - mean) / std;
  }
  return target;
}
