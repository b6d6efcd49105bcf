import type { ModelSpec } from './model-spec.ts';
import type { Prediction } from './prediction.ts';

/**
 * @param logits one per label
 * @returns probabilities that sum to 1, computed in double precision from the largest logit down
 */
export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  const exponentials = values.map((logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/** @returns the position of the largest value; the first of equals */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if ((values[i] as number) > (values[best] as number)) best = i;
  }
  return best;
}

/**
 * @param logits one per label
 * @param labels the model's label names, in id order
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
 * Turns grey pixels 0..255 into the numbers that the network takes: `(p / 255 - mean) / std`.
 *
 * @param pixels bytes, any number of images
 * @param target written in place where given; as long as `pixels`
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
