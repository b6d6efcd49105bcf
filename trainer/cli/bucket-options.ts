import * as z from 'zod';
import { argument, flag, option, text, UsageError } from '../../node/options.ts';
import { fashionMnistCnn, modelSpecSchema } from '../../shared/model/model-spec.ts';
import { aliasNameSchema } from '../../shared/model/names.ts';
import { weightTypes } from '../../shared/registry/manifest.ts';
import type { Bucket } from '../registry/bucket.ts';
import {
  bucketUrlSchema,
  connectionOptions,
  signOption,
  unsafeStoreOption,
} from '../registry/bucket-location.ts';
import { comparisonOptions } from '../run/options.ts';

/** The options of every command that uses a bucket. */
export const bucketOptions = {
  bucket: option(
    '<s3://bucket/prefix>',
    'the bucket (default: CATWALK_BUCKET)',
    bucketUrlSchema.optional(),
  ),
  ...connectionOptions,
};

export const modelOption = option(
  '<name>',
  'name of the model in the bucket',
  z.string().pipe(modelSpecSchema.shape.name).default(fashionMnistCnn.name),
);

const aliasName = z.string().pipe(aliasNameSchema);
export const aliasOption = option('<name>', 'name of the alias', aliasName.default('production'));

export const jsonOption = flag('print one JSON object instead of text');

export const runArgument = argument('folder of the run, such as runs/20261124T101500Z-1234', text);

/** The options that an alias records about a move. */
export const moverOptions = {
  reason: option(
    '<text>',
    "why the alias moves, recorded in the alias's history",
    text.max(1000).optional(),
  ),
  by: option(
    '<name>',
    "who moves the alias, recorded in the alias's history (default: user@host)",
    text.max(200).optional(),
  ),
};

/** The options that decide whether an alias moves, for `publish` and `promote`. */
export const gateOptions = {
  tolerance: option(
    '<x>',
    'accept a version that is less accurate than the current one by up to x, 0 to 1',
    z.coerce.number().min(0).max(1).default(0),
  ),
  ...comparisonOptions,
  force: flag('move the alias even to a less accurate version; requires --reason'),
  ...moverOptions,
};

/** The options for publishing a model, with `publish` and `sweep publish`. */
export const publishOptions = {
  ...bucketOptions,
  alias: option(
    '<name>',
    'also point this alias at the version, unless the alias serves a more accurate one',
    aliasName.optional(),
  ),
  ...gateOptions,
  dtype: option(
    '<type>',
    "store the weights as float32, float16 or uint8, and measure them again on the data set (default: the run's type)",
    z.enum(weightTypes).optional(),
  ),
  dataDir: option(
    '<folder>',
    'with --dtype, read fashion-mnist, mnist or kmnist from this folder (default: its source)',
    text.optional(),
  ),
  ...unsafeStoreOption,
  sign: signOption,
  json: jsonOption,
};

/** The options that sign a move and verify its version, for `promote` and `rollback`. */
export const keyOptions = {
  sign: signOption.describe('sign the alias with this Ed25519 private key'),
  requireKey: option(
    '<public.pem>',
    'move only to a version that is signed with this Ed25519 public key',
    text.optional(),
  ),
};

/** Reads the keys that the options name. */
export async function readKeys({ sign, requireKey }: z.output<z.ZodObject<typeof keyOptions>>) {
  const { readPublicKey, readSigningKey } = await import('../registry/signature.ts');
  return {
    signingKey: sign === undefined ? undefined : await readSigningKey(sign),
    requiredKey: requireKey === undefined ? undefined : await readPublicKey(requireKey),
  };
}

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

/**
 * Returns the model that the options name, or all in the bucket.
 *
 * @param given the options before their defaults
 * @throws {UsageError} if both are asked for
 */
export async function chosenModels(
  bucket: Bucket,
  all: boolean,
  model: string,
  given: Record<string, unknown>,
): Promise<string[]> {
  if (!all) return [model];
  if (given.model !== undefined) {
    throw new UsageError('--model: leave it out if you choose all models');
  }
  const { listModels } = await import('../registry/versions.ts');
  return listModels(bucket);
}
