import * as z from 'zod';
import { UsageError } from '../../node/options.ts';
import { fashionMnistCnn, modelSpecSchema } from '../../shared/model/model-spec.ts';
import { aliasNameSchema } from '../../shared/model/names.ts';
import type { Bucket } from '../registry/bucket.ts';
import { bucketUrlSchema, connectionOptions } from '../registry/bucket-location.ts';

/** The options of every command that uses a bucket. */
export const bucketOptions = {
  bucket: bucketUrlSchema
    .optional()
    .describe('the bucket (default: CATWALK_BUCKET)')
    .meta({ value: '<s3://bucket/prefix>' }),
  ...connectionOptions,
};

export const modelOption = z
  .string()
  .pipe(modelSpecSchema.shape.name)
  .default(fashionMnistCnn.name)
  .describe('name of the model in the bucket')
  .meta({ value: '<name>' });

export const aliasOption = z
  .string()
  .pipe(aliasNameSchema)
  .default('production')
  .describe('name of the alias')
  .meta({ value: '<name>' });

export const jsonOption = z
  .boolean()
  .default(false)
  .describe('print one JSON object instead of text');

/** The options that an alias records about a move. */
export const moverOptions = {
  reason: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe("why the alias moves, recorded in the alias's history")
    .meta({ value: '<text>' }),
  by: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("who moves the alias, recorded in the alias's history (default: user@host)")
    .meta({ value: '<name>' }),
};

/** The options that decide whether an alias moves, for `publish` and `promote`. */
export const gateOptions = {
  tolerance: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('accept a version that is less accurate than the current one by up to x, 0 to 1')
    .meta({ value: '<x>' }),
  force: z
    .boolean()
    .default(false)
    .describe('move the alias even to a less accurate version; requires --reason'),
  ...moverOptions,
};

/** @throws {UsageError} if a forced move has no reason */
export function requireReason({ force, reason }: { force: boolean; reason?: string | undefined }) {
  if (!force || reason !== undefined) return;
  throw new UsageError(
    "--force: give the reason with --reason; the alias's history records who forced what and why",
  );
}

/**
 * Opens the bucket that the options or CATWALK_BUCKET name.
 *
 * @param signal cancels pending requests
 * @throws {UsageError} if no bucket is named, or its settings are invalid
 */
export async function openNamedBucket(
  options: z.output<z.ZodObject<typeof bucketOptions>>,
  signal?: AbortSignal,
): Promise<Bucket> {
  const url = options.bucket ?? process.env.CATWALK_BUCKET;
  if (!url) throw new UsageError('--bucket: name the bucket with this option or CATWALK_BUCKET');
  // The AWS SDK is slow to load.
  const { openBucket } = await import('../registry/bucket.ts');
  try {
    return openBucket({ ...options, url, signal });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
