import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import { parseSchemaOptions, UsageError } from '../../node/options.ts';
import { evaluationFile } from '../../shared/registry/evaluation.ts';
import { InvalidDatasetError } from '../data/errors.ts';
import type { Bucket } from '../registry/bucket.ts';
import { imageOptions, trainOptionsSchema } from '../run/options.ts';
import { planRun } from '../run/plan-run.ts';
import { readRun } from '../run/read-run.ts';
import type { Reporter } from '../run/reporter.ts';
import { runTraining } from '../run/run-training.ts';
import { ValidationTooLargeError } from '../train/image-order.ts';
import { type Recipe, recipes, recipeWith } from '../train/recipe.ts';
import { BadConfigurationError } from './bad-configuration-error.ts';
import {
  readStatus,
  type Sweep,
  type TrialResult,
  type TrialStatus,
  writeStatus,
  writeTrialJson,
} from './sweep-records.ts';

export interface TrialToRun {
  sweep: Sweep;
  index: number;
  /** How the bucket is reached, and the machine's share that the trial may use: options of `catwalk train`. */
  machine: Record<string, unknown>;
  /** The folder of all runs. */
  runs: string;
  reporter: Reporter;
  signal: AbortSignal;
}

/**
 * Runs one trial, or goes on with it from its last checkpoint; the bucket is all that it needs of other machines. One that
 * is done is not run again.
 *
 * @throws {BadConfigurationError} where it can't be run, now or when it was tried before
 */
export async function runTrial(bucket: Bucket, trial: TrialToRun): Promise<void> {
  const { sweep, index, signal } = trial;
  const tell = (message: string) => trial.reporter.report({ event: 'message', message });
  const { parameters } = sweep.trials[index] ?? {};
  if (parameters === undefined) {
    throw new BadConfigurationError(
      `The sweep ${sweep.name} has trials 0 to ${sweep.trials.length - 1}, but no trial ${index}.`,
    );
  }
  const before = await readStatus(bucket, sweep.name, index);
  if (before?.state === 'done') return tell(`Trial ${index} is done already.`);
  if (before?.state === 'misconfigured') throw new BadConfigurationError(before.message);
  const status: Omit<TrialStatus, 'updatedAt' | 'host'> = {
    state: 'running',
    attempt: (before?.attempt ?? 0) + 1,
    startedAt: new Date().toISOString(),
    epoch: before?.epoch ?? 0,
  };
  let noted: Promise<void> = Promise.resolve();
  const note = (change: Partial<TrialStatus>) => {
    const present = { ...Object.assign(status, change) };
    // One after the other, so that the last word stays the last.
    noted = noted.catch(() => {}).then(() => writeStatus(bucket, sweep.name, index, present));
    return noted;
  };
  try {
    await note({});
    const result = await trainTrial(bucket, trial, { ...sweep.options, ...parameters }, note);
    await writeTrialJson(bucket, sweep.name, index, 'result.json', result);
    await note({ state: 'done', epoch: status.epoch });
  } catch (error) {
    const { message } = error as Error;
    if (signal.aborted) {
      await note({ state: 'interrupted' });
    } else if (isMisconfiguration(error)) {
      await note({ state: 'misconfigured', message });
      throw new BadConfigurationError(message, { cause: error });
    } else {
      // The bucket itself may be what failed.
      await note({ state: 'failed', message }).catch(() => {});
    }
    throw error;
  }
}

async function trainTrial(
  bucket: Bucket,
  { sweep, index, machine, runs, reporter, signal }: TrialToRun,
  options: Record<string, unknown>,
  note: (change: Partial<TrialStatus>) => Promise<void>,
): Promise<TrialResult> {
  const resolved = parseSchemaOptions(trainOptionsSchema, options);
  const configuration = { ...resolved, ...recipeWith(resolved.recipe, resolved) };
  // Those of this machine, or that a trial has no use for.
  const { publish: _, alias: __, force: ___, runs: ____, json: _____, ...recorded } = configuration;
  await writeTrialJson(bucket, sweep.name, index, 'configuration.json', recorded);

  const checkpoint = `${bucket.url.replace(/\/+$/, '')}/sweeps/${sweep.name}/trials/${index}`;
  const isBegun =
    (await bucket.list(bucket.layout.trialFile(sweep.name, index, 'checkpoint/'))).length > 0;
  const place = { runs: join(runs, sweep.name, `trial-${index}`) };
  const { threads, ...connection } = machine;
  const plan = await planRun(
    isBegun
      ? { ...connection, ...place, resume: checkpoint }
      : { ...imageOptions(), threads, ...connection, ...options, ...place, checkpoint },
  );
  if (plan.resumed) await downloadRun(bucket, sweep.name, index, plan.resumed.path);
  let folder = '';
  const watching: Reporter = {
    report(report) {
      if (report.event === 'finished') folder = report.run;
      // A sign of life; the next one may get through.
      if (report.event === 'checkpoint') note({}).catch(() => {});
      reporter.report(report);
    },
    close: () => reporter.close(),
  };
  const goOn = 'Run the trial again to go on.';
  await runTraining({ ...plan, goOn }, watching, signal, async ({ path, epochs }) => {
    await uploadRun(bucket, sweep.name, index, path);
    await note({ epoch: epochs.length });
  });
  const { epoch } = await readRun(folder);
  const { accuracy, loss } = epoch.validation ?? { accuracy: 0, loss: 0 };
  return { epoch: epoch.epoch, validation: { accuracy, loss }, seconds: epoch.seconds };
}

/** What no other machine and no later time would change. */
const isMisconfiguration = (error: unknown) =>
  error instanceof UsageError ||
  error instanceof InvalidDatasetError ||
  error instanceof ValidationTooLargeError;

/** What of a run's folder a trial keeps in the bucket, under run/: enough to publish it, and to go on with it elsewhere. */
const runFiles = [
  ...['config.json', 'metrics.jsonl'],
  ...['model/model.json', 'model/weights.bin', `model/${evaluationFile}`],
];

/** Keeps a run after each epoch; called before the epoch's checkpoint, which must not be ahead of the best weights. */
export async function uploadRun(
  bucket: Bucket,
  sweep: string,
  index: number,
  folder: string,
): Promise<void> {
  for (const file of runFiles) {
    const bytes = await readFile(join(folder, file)).catch((error: NodeJS.ErrnoException) => {
      // Not every model has an evaluation.
      if (error.code === 'ENOENT' && file.endsWith(evaluationFile)) return null;
      throw error;
    });
    if (bytes === null) continue;
    await bucket.put(bucket.layout.trialFile(sweep, index, `run/${file}`), bytes, {
      contentType: file.endsWith('.bin') ? 'application/octet-stream' : 'application/json',
      cacheControl: 'no-cache',
    });
  }
}

/** Brings a trial's run to a machine that has none of it; files that are there stay. */
export async function downloadRun(
  bucket: Bucket,
  sweep: string,
  index: number,
  folder: string,
): Promise<void> {
  const isThere = await access(join(folder, 'config.json')).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  // config.json last: where it is, the others are.
  for (const file of runFiles.toReversed()) {
    const stored = await bucket.get(bucket.layout.trialFile(sweep, index, `run/${file}`));
    if (stored) await writeAtomically(join(folder, file), stored.bytes);
  }
}

/** A trial's recipe, for its progress; any recipe where the trial is misconfigured, as it then makes none. */
export function recipeOfTrial(sweep: Sweep, index: number): Recipe {
  const options = { ...sweep.options, ...sweep.trials[index]?.parameters };
  const parsed = trainOptionsSchema.safeParse(options);
  return parsed.success ? recipeWith(parsed.data.recipe, parsed.data) : recipes.tutorial;
}
