import * as z from 'zod/mini';
import { aliasNameSchema, versionSchema } from './version.ts';

const labelSchema = z.object({ id: z.int().check(z.nonnegative()), label: z.string() });
const scoredLabelSchema = z.extend(labelSchema, {
  probability: z.number().check(z.minimum(0), z.maximum(1)),
});

/** What the model says of one image. */
export const predictionSchema = z.object({
  predicted: scoredLabelSchema,
  /** One per label, in label order. */
  probabilities: z.array(scoredLabelSchema),
  /** The image as the network saw it, a PNG as data URL; where that was asked for. */
  input: z.optional(z.string()),
});

/** Which model answered; `alias` is null where the version was asked for by itself. */
export const servedModelSchema = z.object({
  name: z.string(),
  version: versionSchema,
  alias: z.nullable(aliasNameSchema),
});

/** What is known and said of one test image. */
export const indexedPredictionSchema = z.extend(predictionSchema, {
  index: z.int().check(z.nonnegative()),
  actual: labelSchema,
  correct: z.boolean(),
});

export type Prediction = z.infer<typeof predictionSchema>;
export type ServedModel = z.infer<typeof servedModelSchema>;
export type IndexedPrediction = z.infer<typeof indexedPredictionSchema>;

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
