import { hash, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import { parseSchemaOptions, UsageError } from '../../node/options.ts';
import { NetworkTooLargeError } from '../../shared/model/model-spec.ts';
import { evaluationFile } from '../../shared/registry/evaluation.ts';
import { InvalidDatasetError } from '../data/dataset.ts';
import type { Bucket } from '../registry/bucket.ts';
import { RegistryError } from '../registry/errors.ts';
import { isStatementSignedBy, readSigningKey, signStatement } from '../registry/signature.ts';
import { environmentOptions, trainOptionsSchema } from '../run/options.ts';
import { fixedOptions, planRun, startOptions } from '../run/plan-run.ts';
import { readRun } from '../run/read-run.ts';
import type { Reporter } from '../run/record-training.ts';
import { runTraining } from '../run/run-training.ts';
import { DivergenceError } from '../train/divergence.ts';
import { ValidationTooLargeError } from '../train/image-order.ts';
import { recipeOf } from '../train/recipes.ts';
import { optionNames } from './sweep-file.ts';
import {
  BadConfigurationError,
  isFinished,
  optionsOfTrial,
  type Sweep,
  type TrialDefinition,
  type TrialFolder,
  type TrialResult,
  type TrialStatus,
  trialAt,
  trialCount,
  trialFolder,
} from './sweep-records.ts';

export interface TrialToRun {
  sweep: Sweep;
  index: number;
  /** Options of `catwalk train` for this machine: the connection to the bucket, the key to sign with, and the number of threads. */
  machine: Record<string, unknown>;
  /** The folder of all runs. */
  runs: string;
  reporter: Reporter;
  signal: AbortSignal;
}

/**
 * Runs one trial, or resumes it from its last checkpoint. The bucket is all that it shares with other machines. Does
 * nothing if the trial is already done. A trial whose training diverges is done, too: it would diverge again.
 *
 * @throws {BadConfigurationError} if the trial's configuration is invalid, as found now or by an earlier attempt
 */
export async function runTrial(bucket: Bucket, trial: TrialToRun): Promise<void> {
  const { sweep, index, reporter, signal } = trial;
  const definition = trialAt(sweep, index);
  if (definition === null) {
    throw new BadConfigurationError(
      `The sweep ${sweep.name} has no trial ${index}, only 0 to ${trialCount(sweep) - 1}.`,
    );
  }
  const stored = trialFolder(bucket, sweep.name, index);
  const before = await stored.readStatus();
  if (isFinished(before)) {
    const message = before?.message ?? `Trial ${index} is already done.`;
    reporter.report({ event: 'message', message });
    return;
  }
  if (before?.state === 'misconfigured') throw new BadConfigurationError(before.message);
  let status: Omit<TrialStatus, 'updatedAt' | 'host'> = {
    state: 'running',
    attempt: (before?.attempt ?? 0) + 1,
    startedAt: new Date().toISOString(),
    epoch: before?.epoch ?? 0,
  };
  let writing: Promise<void> = Promise.resolve();
  const update = (change: Partial<TrialStatus>) => {
    status = { ...status, ...change };
    const current = status;
    // One write after the other, so that the last status wins.
    writing = writing.catch(() => {}).then(() => stored.writeStatus(current));
    return writing;
  };
  try {
    await update({});
    const result = await trainTrial(bucket, trial, definition, update);
    await stored.writeJson('result.json', result);
    await update({ state: 'done' });
    if (definition.dataset) await removeWork(bucket, trial);
  } catch (error) {
    const { message } = error as Error;
    if (signal.aborted) {
      await update({ state: 'interrupted' });
    } else if (isMisconfiguration(error)) {
      await update({ state: 'misconfigured', message });
      throw new BadConfigurationError(message, { cause: error });
    } else if (error instanceof DivergenceError) {
      await update({ state: 'diverged', message });
      reporter.report({ event: 'message', message });
      return;
    } else {
      // The bucket itself may be what failed.
      await update({ state: 'failed', message }).catch(() => {});
    }
    throw error;
  }
}

async function trainTrial(
  bucket: Bucket,
  { sweep, index, machine, runs, reporter, signal }: TrialToRun,
  definition: TrialDefinition,
  update: (change: Partial<TrialStatus>) => Promise<void>,
): Promise<TrialResult> {
  const options = optionsOfTrial(sweep, definition);
  const stored = trialFolder(bucket, sweep.name, index);
  const resolved = parseSchemaOptions(trainOptionsSchema, options);
  // The recipe of another network, if the images lead to one, is in the run's config.json.
  const { network = 'auto', recipe } = resolved;
  const named = network === 'auto' ? 'tutorial' : network;
  const configuration = { ...resolved, ...recipeOf(named, recipe, resolved) };
  // Without the options that depend on the machine or do not apply to a trial.
  const recorded = Object.entries(configuration).filter(([name]) => optionNames.includes(name));
  await stored.writeJson('configuration.json', Object.fromEntries(recorded));

  const checkpoint = `${bucket.url.replace(/\/+$/, '')}/sweeps/${sweep.name}/trials/${index}`;
  const place = { runs: runsOf({ runs, sweep, index }) };
  const { threads, ...connection } = machine;
  const plan = await planRun(
    (await stored.isEmpty('checkpoint/'))
      ? { ...environmentOptions(), threads, ...options, ...connection, ...place, checkpoint }
      : {
          ...environmentOptions(),
          ...resumable(options),
          ...connection,
          ...place,
          resume: checkpoint,
        },
  );
  const { sign } = plan.options;
  const signingKey = sign === undefined ? undefined : await readSigningKey(sign);
  if (plan.resumed) await downloadRun(stored, plan.resumed.path, signingKey);
  let folder = '';
  const watching: Reporter = {
    report(report) {
      if (report.event === 'finished') folder = report.run;
      // Updates the time in the status. If this write fails, the next one may succeed.
      if (report.event === 'checkpoint') update({}).catch(() => {});
      reporter.report(report);
    },
    close: () => reporter.close(),
  };
  const resumeAdvice = 'Run the trial again to resume it.';
  const ofSweep = { ...plan, datasetName: definition.dataset?.name, resumeAdvice };
  await runTraining(ofSweep, watching, signal, async ({ path, epochs }) => {
    await uploadRun(stored, path, signingKey);
    await update({ epoch: epochs.length });
  });
  const { epoch } = await readRun(folder);
  const { accuracy, loss } = epoch.validation ?? { accuracy: 0, loss: 0 };
  return { epoch: epoch.epoch, validation: { accuracy, loss }, seconds: epoch.seconds };
}

const runsOf = ({ runs, sweep, index }: Pick<TrialToRun, 'runs' | 'sweep' | 'index'>) =>
  join(runs, sweep.name, `trial-${index}`);

/**
 * Removes what a trial needs only until it is done: the run's folder on this machine, and the checkpoints. Of ten thousand data sets they
 * would fill the disk and the bucket. The run is in the bucket. A role that may not delete leaves the checkpoints.
 */
async function removeWork(bucket: Bucket, trial: TrialToRun): Promise<void> {
  await rm(runsOf(trial), { recursive: true, force: true });
  const checkpoints = bucket.layout.trialFile(trial.sweep.name, trial.index, 'checkpoint/');
  const remove = async () =>
    bucket.deleteAll((await bucket.listAll(checkpoints)).map(({ key }) => key));
  await remove().catch(() => {});
}

/** Returns the options that a checkpoint does not have. */
const resumable = (options: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(options).filter(
      ([name]) => ![...fixedOptions, ...startOptions].some((fixed) => fixed === name),
    ),
  );

/** Returns whether the error recurs on every machine and at any later time. */
const isMisconfiguration = (error: unknown) =>
  error instanceof UsageError ||
  error instanceof InvalidDatasetError ||
  error instanceof NetworkTooLargeError ||
  error instanceof ValidationTooLargeError;

/** The files of a run that a trial stores in the bucket. They suffice to publish it, and to resume it elsewhere. */
const runFiles = [
  'config.json',
  'metrics.jsonl',
  'model/model.json',
  'model/weights.bin',
  `model/${evaluationFile}`,
];

/** Uploads a run after an epoch. Must precede the epoch's checkpoint, which must not be ahead of the best weights. */
async function uploadRun(trial: TrialFolder, folder: string, key?: KeyObject): Promise<void> {
  const uploaded = new Map<string, Uint8Array>();
  for (const file of runFiles) {
    const path = join(folder, file);
    // Not every model has an evaluation.
    if (file.endsWith(evaluationFile) && !existsSync(path)) continue;
    const contentType = file.endsWith('.bin') ? 'application/octet-stream' : 'application/json';
    const bytes = await readFile(path);
    uploaded.set(file, bytes);
    await trial.put(`run/${file}`, bytes, contentType);
  }
  if (!key) return;
  const signature = signStatement('trial', statementOf(trial, uploaded), key);
  await trial.put(signatureFile, signature, 'application/octet-stream');
}

/**
 * Downloads a trial's run to a folder. Does nothing if the folder has the run.
 *
 * @param key the private key that must have signed the run
 * @throws {RegistryError} if it was not signed with that key
 */
export async function downloadRun(
  trial: TrialFolder,
  folder: string,
  key?: KeyObject,
): Promise<void> {
  if (existsSync(join(folder, 'config.json'))) return;
  const files = new Map<string, Uint8Array>();
  for (const file of runFiles) {
    const bytes = await trial.get(`run/${file}`);
    if (bytes) files.set(file, bytes);
  }
  if (key) {
    const signature = await trial.get(signatureFile);
    if (!signature || !isStatementSignedBy('trial', statementOf(trial, files), signature, key)) {
      throw new RegistryError(
        `The run of ${trial.name} is not signed with the key of --sign, so anyone who can write to the bucket may have written it. Run the sweep with --sign, or publish without it.`,
      );
    }
  }
  // config.json last, because it marks the run as complete.
  for (const [file, bytes] of Array.from(files).toReversed()) {
    await writeAtomically(join(folder, file), bytes);
  }
}

/** The signature of a trial's run, beside it. */
const signatureFile = 'run/run.sig';

/** The trial and the SHA-256 of each file of its run, as they are signed. */
const statementOf = (trial: TrialFolder, files: ReadonlyMap<string, Uint8Array>): string =>
  [trial.name, ...Array.from(files, ([file, bytes]) => `${file} ${hash('sha256', bytes)}`)].join(
    '\n',
  );
