import * as z from 'zod/mini';
import { sha256Schema } from './manifest.ts';

/**
 * evaluation.json of a version: what its weights say of each test image, in the order of the test set. A page draws the
 * confusion matrix's images of it, and the surest mistakes, without asking for one prediction.
 */
export const evaluationSchema = z.object({
  schemaVersion: z.literal(1),
  /** Of the weights.bin that was measured. */
  weightsSha256: sha256Schema,
  images: z.int().check(z.positive()),
  /** The id of each image's label: a byte each, as base64. */
  actual: z.base64(),
  /** The id of the label that is predicted: a byte each, as base64. */
  predicted: z.base64(),
  /** The predicted label's probability, 0..65535 for 0..1: two bytes each, little endian, as base64. */
  probability: z.base64(),
});

export type Evaluation = z.infer<typeof evaluationSchema>;

/** A file of a version's folder. */
export const evaluationFile = 'evaluation.json';
