import * as z from 'zod/mini';
import { aliasNameSchema, versionSchema } from './names.ts';

/**
 * A prediction's id, `<version>.<SHA-256 of the pixels that the network saw>`. It identifies a prediction
 * that the Worker has not stored. If the Worker signs ids, `.<last day>.<signature>` follows.
 */
export const predictionIdSchema = z
  .string()
  .check(
    z.regex(
      /^\d{8}T\d{6}Z-[0-9a-f]{8}\.[0-9a-f]{64}(\.\d{8}\.[\w-]{43})?$/,
      'must be the id of a prediction, unchanged',
    ),
  );

/** A label's id, its position in the model's labels, and its name. */
export const labelSchema = z.object({ id: z.int().check(z.nonnegative()), label: z.string() });
const scoredLabelSchema = z.extend(labelSchema, {
  probability: z.number().check(z.minimum(0), z.maximum(1)),
});

const count = z.int().check(z.nonnegative());

/** A part of a picture in pixels, from its upper left corner, after its EXIF orientation was applied. */
const cropSchema = z.object({ x: count, y: count, width: count, height: count });

/** The model's answer for one image. */
export const predictionSchema = z.object({
  predicted: scoredLabelSchema,
  /** One per label, in label order. */
  probabilities: z.array(scoredLabelSchema),
  /** The image as the network saw it, a PNG as a data URL, if requested. */
  input: z.optional(z.string()),
  /** The part of the picture that the network saw, if requested. Missing if the client sent pixels. */
  crop: z.optional(cropSchema),
  /** The id for POST /feedback, if feedback is on. */
  id: z.optional(predictionIdSchema),
});

/** The model that answered. `alias` is null if the request named a version. */
export const servedModelSchema = z.object({
  name: z.string(),
  version: versionSchema,
  alias: z.nullable(aliasNameSchema),
  /** Present if the version is the one that the deployment carries, because the bucket could not answer. */
  source: z.optional(z.literal('snapshot')),
});

/** The prediction and the true label of a test image. */
export const indexedPredictionSchema = z.extend(predictionSchema, {
  index: z.int().check(z.nonnegative()),
  actual: labelSchema,
  correct: z.boolean(),
  /** Present if the image is one of those that the deployment carries: the first `images` of the test set. */
  testSet: z.optional(z.object({ source: z.literal('snapshot'), images: count })),
});

export type Crop = z.infer<typeof cropSchema>;
export type Prediction = z.infer<typeof predictionSchema>;
export type ServedModel = z.infer<typeof servedModelSchema>;
export type IndexedPrediction = z.infer<typeof indexedPredictionSchema>;
