import * as z from 'zod/mini';
import { sha256Schema } from './manifest.ts';

/**
 * evaluation.json of a version: the prediction of each test image, in the order of the test set. From it, the page draws the
 * images of the confusion matrix and the most confident mistakes, without a request per prediction.
 */
export const evaluationSchema = z.object({
  schemaVersion: z.literal(1),
  /** The hash of the measured weights.bin. */
  weightsSha256: sha256Schema,
  images: z.int().check(z.positive()),
  /** The id of each image's true label: one byte per image, as base64. */
  actual: z.base64(),
  /** The id of each image's predicted label: one byte per image, as base64. */
  predicted: z.base64(),
  /** The predicted label's probability, 0..65535 for 0..1: two little-endian bytes per image, as base64. */
  probability: z.base64(),
});

export type Evaluation = z.infer<typeof evaluationSchema>;

/** The file's name in a version's folder. */
export const evaluationFile = 'evaluation.json';
