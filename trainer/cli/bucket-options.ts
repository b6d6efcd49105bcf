import * as z from 'zod';
import { UsageError } from '../../node/options.ts';
import { fashionMnistCnn, modelSpecSchema } from '../../shared/model/model-spec.ts';
import { aliasNameSchema } from '../../shared/registry/bucket-layout.ts';
import { bucketUrlSchema, connectionOptions } from '../registry/bucket-location.ts';
import { userAtHost } from '../registry/write-alias.ts';

/** What every command that works on the bucket takes. */
export const bucketOptions = {
  bucket: bucketUrlSchema
    .optional()
    .describe('the bucket (CATWALK_BUCKET)')
    .meta({ value: '<s3://bucket/prefix>' }),
  ...connectionOptions,
};

export const modelOption = z
  .string()
  .pipe(modelSpecSchema.shape.name)
  .default(fashionMnistCnn.name)
  .describe('name of the model')
  .meta({ value: '<name>' });

export const aliasOption = z
  .string()
  .pipe(aliasNameSchema)
  .default('production')
  .describe('alias that names the version to serve')
  .meta({ value: '<name>' });

export const byOption = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .describe("who moves the alias, for its history (default: this machine's user)")
  .meta({ value: '<name>' });

export const reasonOption = z
  .string()
  .min(1)
  .max(1000)
  .optional()
  .describe('why the alias is moved, for its history')
  .meta({ value: '<text>' });

export const jsonOption = z.boolean().default(false).describe('print one JSON object');

/** What decides whether an alias moves, for `publish` and `promote`. */
export const gateOptions = {
  tolerance: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('how much less accurate than what is served the version may be, 0..1')
    .meta({ value: '<x>' }),
  force: z
    .boolean()
    .default(false)
    .describe('move the alias to a less accurate model, too; needs --reason'),
  reason: reasonOption,
  by: byOption,
};

/** @throws {UsageError} where a forced move does not say why */
export function moverOf({
  force = false,
  reason,
  by = userAtHost(),
}: {
  force?: boolean;
  reason?: string | undefined;
  by?: string | undefined;
}) {
  if (force && reason === undefined) {
    throw new UsageError('--force: say why with --reason; it is kept in the history of the alias');
  }
  return { force, reason, by };
}

/**
 * Opens the bucket that the options or CATWALK_BUCKET name.
 *
 * @param signal gives up the requests that are under way
 * @throws {UsageError} where none is named, or its settings are wrong
 */
export async function openNamedBucket(
  options: z.output<z.ZodObject<typeof bucketOptions>>,
  signal: AbortSignal,
) {
  const url = options.bucket ?? process.env.CATWALK_BUCKET;
  if (!url) throw new UsageError('--bucket: name the bucket, here or in CATWALK_BUCKET');
  // The AWS SDK takes a while to load, which --help need not wait for.
  const { openBucket } = await import('../registry/bucket.ts');
  try {
    return openBucket({ ...options, url, signal });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
