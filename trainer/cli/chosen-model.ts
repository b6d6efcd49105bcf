import * as z from 'zod';
import { UsageError } from '../../node/options.ts';
import { aliasNameSchema, versionSchema } from '../../shared/registry/bucket-layout.ts';
import type { TrainedModel } from '../evaluate/trained-model.ts';
import { trainOptionsSchema } from '../run/options.ts';
import { bucketOptions, modelOption, openNamedBucket } from './bucket-options.ts';

const { runs, backend, device, dataDir } = trainOptionsSchema.shape;

/** What names a trained model: a run's folder, or a version or alias in a bucket. */
export const modelChoiceOptions = {
  runs: runs.describe('folder of runs, whose newest is taken where nothing else is named'),
  version: z
    .string()
    .pipe(versionSchema)
    .optional()
    .describe('take this version from the bucket')
    .meta({ value: '<version>' }),
  alias: z
    .string()
    .pipe(aliasNameSchema)
    .optional()
    .describe('take the version that this alias names from the bucket')
    .meta({ value: '<name>' }),
  model: modelOption.describe('name of the model in the bucket'),
  ...bucketOptions,
};

/** How a trained model is used. */
export const modelUseOptions = {
  backend,
  device,
  dataDir: dataDir.describe('take the test images from this folder'),
};

type ModelChoice = z.output<z.ZodObject<typeof modelChoiceOptions>> & {
  run?: string | undefined;
};

/**
 * Finds the model that the options name.
 *
 * @throws {UsageError} where they name several
 */
export async function chosenModel(
  options: ModelChoice,
  signal: AbortSignal,
): Promise<TrainedModel> {
  const { run, runs, version, alias, model: name } = options;
  const named = Object.entries({ run, version, alias }).filter(([, value]) => value !== undefined);
  if (named.length > 1) {
    throw new UsageError(`${named.map(([what]) => what).join(' and ')}: name one of them`);
  }
  if (version === undefined && alias === undefined) {
    if (options.bucket !== undefined) {
      throw new UsageError('--bucket: name a --version or an --alias in it, too');
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
