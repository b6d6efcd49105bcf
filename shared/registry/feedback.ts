import * as z from 'zod/mini';
import { modelSpecSchema } from '../model/model-spec.ts';
import { versionSchema } from '../model/names.ts';
import { labelSchema, predictionIdSchema } from '../model/prediction.ts';

/** The body of POST /feedback: the true label of a prediction, and the image that was predicted. */
export const feedbackRequestSchema = z
  .object({
    id: predictionIdSchema,
    /** The true label's id or name. */
    label: z.union([z.int().check(z.nonnegative()), z.string().check(z.minLength(1))]),
    /** The number of the test image. */
    index: z.nullish(z.int().check(z.nonnegative())),
    /** The image, as base64 or as a data URL. */
    image: z.nullish(z.string()),
    /** The image's pixels. */
    pixels: z.nullish(z.array(z.unknown())),
  })
  .check(
    z.refine(
      ({ index, image, pixels }) =>
        [index, image, pixels].filter((given) => (given ?? null) !== null).length === 1,
      'exactly one of index, image and pixels must be present',
    ),
  );

/** The answer of POST /feedback. */
export const feedbackAnswerSchema = z.object({
  id: predictionIdSchema,
  label: labelSchema,
  /** False if the same annotation exists already. */
  stored: z.boolean(),
});

/** An annotated image, as stored in the bucket. */
export const feedbackRecordSchema = z.object({
  schemaVersion: z.literal(1),
  /** Without the signature. */
  id: predictionIdSchema,
  /** The name of the token that the client presented. Missing without tokens, and in records of earlier Workers. */
  client: z.optional(z.string().check(z.regex(/^[\w.-]{1,64}$/))),
  model: z.object({ name: modelSpecSchema.shape.name, version: versionSchema }),
  /** The annotated label. */
  label: labelSchema,
  height: z.int().check(z.positive()),
  width: z.int().check(z.positive()),
  /** height x width x channels bytes as base64, 0 to 255, row by row. */
  pixels: z.string(),
  /** The index of the test image, if it is one. */
  index: z.nullable(z.int().check(z.nonnegative())),
  at: z.iso.datetime(),
});

export type FeedbackRecord = z.infer<typeof feedbackRecordSchema>;
