import * as z from 'zod';
import { option, UsageError } from '../../node/options.ts';
import { aliasNameSchema, versionSchema } from '../../shared/model/names.ts';
import type { TrainedModel } from '../evaluate/trained-model.ts';
import { trainOptionsSchema } from '../run/options.ts';
import { bucketOptions, modelOption, openNamedBucket } from './bucket-options.ts';

const { runs, backend, device, dataDir, skipUnreadable, labelOffset } = trainOptionsSchema.shape;

/** The options that select a trained model: a run's folder, or a version or alias in a bucket. */
export const modelSelectors = {
  runs: runs.describe('folder of all runs; its newest run is used if no other model is named'),
  version: option(
    '<version>',
    'use this version in the bucket',
    z.string().pipe(versionSchema).optional(),
  ),
  alias: option(
    '<name>',
    'use the version in the bucket that this alias points at',
    z.string().pipe(aliasNameSchema).optional(),
  ),
  model: modelOption,
  ...bucketOptions,
};

/** The options for running a trained model. */
export const modelUseOptions = {
  backend,
  device,
  dataDir: dataDir.describe(
    'read the test images from this folder: the data set in another place, or new images in a folder per label (default: their source)',
  ),
  skipUnreadable,
  labelOffset,
};

/**
 * Returns the model that the options select.
 *
 * @throws {UsageError} if they select more than one, or a bucket without a version
 */
export async function selectModel(
  options: z.output<z.ZodObject<typeof modelSelectors>> & { run?: string | undefined },
  signal: AbortSignal,
): Promise<TrainedModel> {
  const { run, runs, version, alias, model: name } = options;
  const named = Object.entries({ run, version, alias }).filter(([, value]) => value !== undefined);
  if (named.length > 1) {
    throw new UsageError(`${named.map(([selector]) => selector).join(' and ')}: name only one`);
  }
  if (version === undefined && alias === undefined) {
    if (options.bucket !== undefined) {
      throw new UsageError('--bucket: also name a --version or an --alias in the bucket');
    }
    const { newestRun } = await import('../run/read-run.ts');
    const { modelOfRun } = await import('../evaluate/trained-model.ts');
    return modelOfRun(run ?? (await newestRun(runs)));
  }
  const bucket = await openNamedBucket(options, signal);
  const { modelOfVersion } = await import('../evaluate/model-of-version.ts');
  return modelOfVersion(
    bucket,
    name,
    version === undefined ? { alias: alias as string } : { version },
  );
}
