import { basename, join } from 'node:path';
import { flagOf, parseSchemaOptions, UsageError } from '../../node/options.ts';
import { shellQuoted } from '../../node/text.ts';
import { inputOptionsFor } from '../../shared/model/model-spec.ts';
import { type Dataset, inputOf } from '../data/dataset.ts';
import { isKnownDataset } from '../data/known-datasets.ts';
import { readSigningKey } from '../registry/signature.ts';
import { learningRateAt } from '../train/optimizer.ts';
import { recipeSchema } from '../train/recipe.ts';
import { CheckpointError, type ResumedRun } from './checkpoint.ts';
import { bucketStore, type Checkpoints, folderStore, openCheckpoints } from './checkpoints.ts';
import { type TrainCommandOptions, trainOptionsSchema, weightsFileOptions } from './options.ts';
import { readConfig } from './read-run.ts';
import type { RunConfig } from './run-records.ts';

/** The plan of a `catwalk train`. */
export interface RunPlan {
  options: TrainCommandOptions;
  /** The options before validation. A resumed run reuses those that do not change the weights. */
  given: Record<string, unknown>;
  /** The checkpoints in the bucket; null if they are in the run's folder. */
  bucketCheckpoints: Checkpoints | null;
  resumed: ResumedRun | null;
  /** The data set, if it is in memory already (default: loaded as the options say). */
  dataset?: Dataset;
  /** The data set's name, after which the model is named (default: its folder's). */
  datasetName?: string | undefined;
  /** The changes of the plan to the resumed run, for people. */
  notes?: readonly string[];
  /** How to continue after an interruption (default: the command with --resume). */
  resumeAdvice?: string;
}

/**
 * The options that decide the weights. A resumed run reads them from its config.json or its checkpoint. Only `epochs` may be raised,
 * and `backend` may be another.
 */
export const fixedOptions = [
  'recipe',
  ...(Object.keys(recipeSchema.shape) as (keyof typeof recipeSchema.shape)[]),
  'dtype',
  'network',
  'temperature',
  'teacherWeight',
  'seed',
  'backend',
  'threads',
  'limit',
  'fit',
  'background',
  'colour',
  'size',
] as const;

/** The options that name the first weights. A resumed run has its own. */
export const startOptions = ['from', ...Object.keys(weightsFileOptions)];

/**
 * Plans a new run, or the continuation of the one that `--resume` names.
 *
 * @param given the options as commander parsed them
 * @throws {UsageError} if they are invalid, or would change a resumed run's weights
 * @throws {RunError | CheckpointError} if there is nothing to resume
 */
export async function planRun(given: Record<string, unknown>): Promise<RunPlan> {
  const options = parseSchemaOptions(trainOptionsSchema, given);
  if (options.resume !== undefined && given.from !== undefined) {
    throw new UsageError(
      '--from: a resumed run continues with its own weights; leave out --from or --resume',
    );
  }
  const misplaced = startOptions.find((name) => given[name] !== undefined);
  if (misplaced !== undefined && given.from === undefined) {
    throw new UsageError(`${flagOf(misplaced)}: is only for the file of --from`);
  }
  if (given.from !== undefined && options.network !== undefined) {
    throw new UsageError('--network: a training --from a model keeps its network; leave one out');
  }
  if (options.resume !== undefined) return planResume(options, options.resume, given);
  const bucketCheckpoints = await checkpointsInBucket(options.checkpoint, options);
  const other = bucketCheckpoints?.latest;
  if (other) {
    throw new UsageError(
      `--checkpoint: ${options.checkpoint} has the checkpoint of run ${other.run}. Resume that run with --resume ${options.checkpoint}, or use another prefix.`,
    );
  }
  return { options, given, bucketCheckpoints, resumed: null };
}

async function planResume(
  options: TrainCommandOptions,
  resume: string,
  given: Record<string, unknown>,
): Promise<RunPlan> {
  const isBucket = resume.startsWith('s3://');
  const inBucket = isBucket ? await checkpointsInBucket(resume, options) : null;
  if (isBucket && !inBucket?.latest) {
    throw new CheckpointError(
      `${resume} has no checkpoint. Start a run with --checkpoint ${resume}.`,
    );
  }
  const stored = inBucket?.latest?.config ?? (await readResumableConfig(resume));
  const { resume: _, ...changes } = given;
  const { fit, background, ...input } = inputOptionsFor(stored.spec);
  const pictures = { fit, background: background.kind, ...inputOf(input) };
  const fixedValues: Record<string, unknown> = { ...stored, ...pictures };
  const merged = {
    ...(isBucket ? { dataset: datasetToResume(stored, given) } : (stored.options as object)),
    ...changes,
    ...(isBucket && { checkpoint: resume }),
    ...Object.fromEntries(fixedOptions.map((name) => [name, fixedValues[name] ?? undefined])),
    // A run may train for longer than it was planned to, and elsewhere.
    epochs: Math.max(stored.epochs, options.epochs ?? 0),
    backend: given.backend ?? stored.backend,
  };
  const resumedOptions = parseSchemaOptions(trainOptionsSchema, merged);
  refuseChanges(options, resumedOptions, given);
  const bucketCheckpoints =
    inBucket ?? (await checkpointsInBucket(resumedOptions.checkpoint, resumedOptions));
  const checkpoints =
    bucketCheckpoints ?? (await openCheckpoints(folderStore(join(resume, 'checkpoint'))));
  const checkpoint = checkpoints.latest;
  const path = isBucket ? join(options.runs, checkpoint?.run ?? '') : resume;
  if (checkpoint && checkpoint.run !== basename(path)) {
    throw new CheckpointError(
      `${checkpoints.location} has the checkpoint of another run, ${checkpoint.run}.`,
    );
  }
  // The folder of this run keeps only what was named here: a later --resume of the folder uses all of it.
  const { epochs } = merged;
  const config = { ...stored, epochs, ...(isBucket && { options: merged }) };
  const isLonger = epochs > stored.epochs;
  const resumed = { path, config, isLonger, checkpoint: checkpoint && { ...checkpoint, config } };
  const notes = isLonger ? [noteOnMoreEpochs(stored, epochs, resumed)] : [];
  const { backend } = resumedOptions;
  if (backend !== stored.backend) notes.push(noteOnBackend(stored.backend, backend));
  return { options: resumedOptions, given: merged, bucketCheckpoints, resumed, notes };
}

const noteOnBackend = (before: string, now: string): string =>
  `The run was trained with --backend ${before} and continues with --backend ${now}. Backends round and draw dropout differently, so the weights will not have the same bits as without the change.`;

/** @throws {UsageError} if an option that was given would change the weights of the resumed run */
function refuseChanges(
  options: TrainCommandOptions,
  resumed: TrainCommandOptions,
  given: Record<string, unknown>,
): void {
  const changed = fixedOptions.filter(
    (name) => given[name] !== undefined && options[name] !== resumed[name],
  );
  if (changed.length === 0) return;
  const lines = changed.map((name) => {
    const advice = name === 'epochs' ? '; it can be raised, but not lowered' : '';
    return `${flagOf(name)}: the run to resume has ${resumed[name] ?? 'none'}${advice}`;
  });
  throw new UsageError(lines.join('\n'));
}

/**
 * Describes what more epochs do to a run.
 *
 * @throws {UsageError} if the run stopped early, so that more epochs have no effect
 */
function noteOnMoreEpochs(
  stored: RunConfig,
  epochs: number,
  { path, checkpoint }: ResumedRun,
): string {
  const trained = checkpoint?.epochs.length ?? 0;
  const next = checkpoint?.state.position.epoch ?? 1;
  if (next > stored.epochs && trained < stored.epochs) {
    throw new UsageError(
      `--epochs: the run stopped early after epoch ${trained}, because its validation accuracy no longer improved (--patience). Start another run from its model with --from ${shellQuoted(path)}.`,
    );
  }
  const longer = `The run was planned for ${stored.epochs} epochs and continues to ${epochs}`;
  if (stored.schedule !== 'cosine') return `${longer}, as if it had been started with them.`;
  const rateOf = (total: number) => {
    const recipe = recipeSchema.parse({ ...stored, epochs: total });
    return Number(learningRateAt(recipe, next - 1, 1).toPrecision(3));
  };
  return `${longer}. Its cosine schedule now ends there: in epoch ${next} the learning rate starts at ${rateOf(epochs)}, and would have been ${rateOf(stored.epochs)}. So the weights differ from those of a run that is started with ${epochs} epochs.`;
}

/**
 * Returns the data set of a run that is resumed from a bucket. Everyone who can write to the bucket may have written the checkpoint, so
 * it decides nothing but the recipe and which known data set to train on: not the folders, buckets, keys and aliases of this machine.
 */
function datasetToResume({ dataset }: RunConfig, given: Record<string, unknown>): string {
  if (typeof given.dataset === 'string') return given.dataset;
  if (isKnownDataset(dataset.name)) return dataset.name;
  throw new UsageError(
    `--dataset: the run was trained on ${JSON.stringify(dataset.name)}. Name the folder of this data set again: a checkpoint in a bucket does not decide which folders are read.`,
  );
}

async function checkpointsInBucket(
  url: string | undefined,
  options: TrainCommandOptions,
): Promise<Checkpoints | null> {
  if (url === undefined) return null;
  // The AWS SDK takes 30 MiB, so a run without a bucket does not load it.
  const { openBucket } = await import('../registry/bucket.ts');
  const signingKey = options.sign === undefined ? undefined : await readSigningKey(options.sign);
  return openCheckpoints(bucketStore(openBucket({ ...options, url })), signingKey);
}

async function readResumableConfig(folder: string): Promise<RunConfig> {
  const { config } = await readConfig(folder);
  if (typeof config.options === 'object') return config;
  throw new CheckpointError(`${folder} is not a run that \`catwalk train\` can resume.`);
}
