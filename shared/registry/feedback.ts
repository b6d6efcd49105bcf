import * as z from 'zod/mini';
import { modelSpecSchema } from '../model/model-spec.ts';
import { versionSchema } from './bucket-layout.ts';

/** `<version>.<SHA-256 of the 28x28 pixels the network saw>`: the Worker need remember no prediction to know it again. */
export const predictionIdSchema = z
  .string()
  .check(
    z.regex(
      /^\d{8}T\d{6}Z-[0-9a-f]{8}\.[0-9a-f]{64}$/,
      'a prediction’s id is as its answer has it',
    ),
  );

/** What POST /feedback takes: the true label of a prediction, and what was predicted. */
export const feedbackRequestSchema = z
  .object({
    id: predictionIdSchema,
    /** The true label: its id or its name. */
    label: z.union([z.int().check(z.nonnegative()), z.string().check(z.minLength(1))]),
    /** The number of the test image. */
    index: z.optional(z.int().check(z.nonnegative())),
    /** The image as base64 or data URL. */
    image: z.optional(z.string()),
    /** Its pixels. */
    pixels: z.optional(z.array(z.unknown())),
  })
  .check(
    z.refine(
      ({ index, image, pixels }) =>
        [index, image, pixels].filter((given) => given !== undefined).length === 1,
      'one of index, image and pixels must be there: what was predicted',
    ),
  );

const labelSchema = z.object({ id: z.int().check(z.nonnegative()), label: z.string() });

/** What POST /feedback answers. */
export const feedbackAnswerSchema = z.object({
  id: predictionIdSchema,
  label: labelSchema,
  /** False where the same was told before. */
  stored: z.boolean(),
});

/** A true label with its image, as it lies in the bucket. */
export const feedbackRecordSchema = z.object({
  schemaVersion: z.literal(1),
  id: predictionIdSchema,
  model: z.object({ name: modelSpecSchema.shape.name, version: versionSchema }),
  /** What a caller says it is. */
  label: labelSchema,
  height: z.int().check(z.positive()),
  width: z.int().check(z.positive()),
  /** height x width bytes in base64, 0 black to 255 white, row by row. */
  pixels: z.string(),
  /** Of the test image, where it is one. */
  index: z.nullable(z.int().check(z.nonnegative())),
  at: z.iso.datetime(),
});

export type FeedbackRecord = z.infer<typeof feedbackRecordSchema>;
