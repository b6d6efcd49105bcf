import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { flagOf, parseSchemaOptions, UsageError } from '../../node/options.ts';
import { recipeSchema } from '../train/recipe.ts';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import { bucketStore, type Checkpoints, folderStore, openCheckpoints } from './checkpoints.ts';
import { type TrainCommandOptions, trainOptionsSchema } from './options.ts';
import { type RunConfig, runConfigSchema } from './run-records.ts';

/** What `catwalk train` is going to do. */
export interface RunPlan {
  options: TrainCommandOptions;
  /** The options as they were given: what a resumed run takes besides the values that its weights follow from. */
  given: Record<string, unknown>;
  /** The checkpoints in the bucket, where they are kept there; those in the run's folder are opened with it. */
  bucketCheckpoints: Checkpoints | null;
  resumed: ResumedRun | null;
  /** What to do after an interruption, for people; `catwalk train --resume` unless told. */
  goOn?: string;
}

export interface ResumedRun {
  path: string;
  config: RunConfig;
  /** null where the run was interrupted before its first one. */
  checkpoint: Checkpoint | null;
}

/** The options that the weights follow from; a resumed run takes them from its config.json. */
const settled = [
  'recipe',
  ...(Object.keys(recipeSchema.shape) as (keyof typeof recipeSchema.shape)[]),
  ...(['dtype', 'seed', 'backend', 'threads', 'limit'] as const),
] as const;

/**
 * Plans a new run, or one to go on with where `--resume` names it.
 *
 * @param given the options as commander read them
 * @throws {UsageError} where they are wrong, or would change a resumed run's weights
 * @throws {CheckpointError} where there is nothing to resume
 */
export async function planRun(given: Record<string, unknown>): Promise<RunPlan> {
  const options = parseSchemaOptions(trainOptionsSchema, given);
  if (options.resume === undefined) {
    const bucketCheckpoints = await checkpointsInBucket(options.checkpoint, options);
    const other = bucketCheckpoints?.latest;
    if (other) {
      throw new UsageError(
        `--checkpoint: ${options.checkpoint} has the checkpoint of run ${other.run}: go on with --resume ${options.checkpoint}, or name another place`,
      );
    }
    return { options, given, bucketCheckpoints, resumed: null };
  }
  const { resume } = options;
  const isBucket = resume.startsWith('s3://');
  const inBucket = isBucket ? await checkpointsInBucket(resume, options) : null;
  if (isBucket && !inBucket?.latest) {
    throw new CheckpointError(
      `${resume} has no checkpoint. Start a run with --checkpoint ${resume}.`,
    );
  }
  const config = inBucket?.latest?.config ?? (await readConfig(resume));
  const { resume: _, ...changes } = given;
  const merged = {
    ...(config.options as object),
    ...changes,
    ...(isBucket ? { checkpoint: resume } : {}),
    ...Object.fromEntries(settled.map((name) => [name, config[name] ?? undefined])),
  };
  const resumedOptions = parseSchemaOptions(trainOptionsSchema, merged);
  const refused = settled.filter(
    (name) => given[name] !== undefined && options[name] !== resumedOptions[name],
  );
  if (refused.length > 0) {
    throw new UsageError(
      refused
        .map((name) => `${flagOf(name)}: the run to resume has ${resumedOptions[name] ?? 'none'}`)
        .join('\n'),
    );
  }
  const bucketCheckpoints =
    inBucket ?? (await checkpointsInBucket(resumedOptions.checkpoint, resumedOptions));
  const checkpoints =
    bucketCheckpoints ?? (await openCheckpoints(folderStore(join(resume, 'checkpoint'))));
  const checkpoint = checkpoints.latest;
  const path = isBucket ? join(options.runs, checkpoint?.run ?? '') : resume;
  if (checkpoint && checkpoint.run !== basename(path)) {
    throw new CheckpointError(
      `${checkpoints.where} has the checkpoint of another run, ${checkpoint.run}.`,
    );
  }
  return {
    options: resumedOptions,
    given: merged,
    bucketCheckpoints,
    resumed: { path, config, checkpoint },
  };
}

async function checkpointsInBucket(
  url: string | undefined,
  options: TrainCommandOptions,
): Promise<Checkpoints | null> {
  if (url === undefined) return null;
  // It brings the AWS SDK, 30 MiB that a run without a bucket need not hold.
  const { openBucket } = await import('../registry/bucket.ts');
  return openCheckpoints(bucketStore(openBucket({ ...options, url })));
}

async function readConfig(folder: string): Promise<RunConfig> {
  const file = join(folder, 'config.json');
  let text: string;
  try {
    await stat(folder);
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CheckpointError(
      `${folder} is no run: ${(cause as Error).message}. Runs are folders under runs/, made by \`catwalk train\`.`,
      { cause },
    );
  }
  const parsed = runConfigSchema.safeParse(parseJson(text, file));
  if (!parsed.success || typeof parsed.data.options !== 'object') {
    throw new CheckpointError(`${file} is not of a run that \`catwalk train\` can go on with.`);
  }
  return parsed.data;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
}
