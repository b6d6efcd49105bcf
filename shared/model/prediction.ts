import * as z from 'zod/mini';
import { aliasNameSchema, versionSchema } from '../registry/bucket-layout.ts';
import { predictionIdSchema } from '../registry/feedback.ts';

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
  /** What POST /feedback knows it by; where that is on. */
  id: z.optional(predictionIdSchema),
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
