import { hostname } from 'node:os';
import * as z from 'zod';
import { metricsSchema } from '../../shared/registry/manifest.ts';
import type { Bucket } from '../registry/bucket.ts';
import { mapInBatches } from '../registry/map-in-batches.ts';
import { readJson, toJsonBytes } from '../registry/read-json.ts';
import { runEpochSchema } from '../run/run-records.ts';

const valueSchema = z.union([z.string(), z.number(), z.boolean()]);
const { accuracy, loss } = metricsSchema.shape;

export const sweepNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: 'must have 1 to 63 characters: the letters a to z, digits and dashes',
});

/** A data set of a sweep over several. */
export const sweepDatasetSchema = z.strictObject({
  /** The value of `--dataset`. */
  dataset: z.string().min(1),
  /** The data set's name, after which its model is named. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, {
    error: 'must have 1 to 60 characters: the letters a to z, digits and dashes',
  }),
});

export type SweepDataset = z.output<typeof sweepDatasetSchema>;

/** sweeps/<name>/sweep.json, written once, by the first trial. */
export const sweepSchema = z.object({
  /** 2 if there are several data sets, because older trainers would ignore them. */
  schemaVersion: z.literal([1, 2]),
  name: z.string(),
  createdAt: z.iso.datetime(),
  /** The metric that selects the best trial. Not the test accuracy, which would become too optimistic. */
  objective: z.literal('validation accuracy'),
  /** The options that all trials share. */
  options: z.record(z.string(), valueSchema),
  /** The options that differ, by trial index. */
  trials: z.array(z.object({ parameters: z.record(z.string(), valueSchema) })).min(1),
  /** Each has all trials: those of the first data set have the first indices. */
  datasets: z.array(sweepDatasetSchema).min(1).optional(),
  /** The data sets as the file names them, with patterns. */
  patterns: z.array(z.union([z.string(), sweepDatasetSchema])).optional(),
});

/** Returns the number of trials, of all data sets. */
export const trialCount = ({ trials, datasets = [] }: Sweep): number =>
  trials.length * Math.max(1, datasets.length);

/** The values that distinguish a trial from the others of its sweep. */
export interface TrialDefinition {
  parameters: Sweep['trials'][number]['parameters'];
  /** Only in a sweep over several data sets. */
  dataset?: SweepDataset;
}

/** @returns null if the sweep has no trial with this index */
export function trialAt({ trials, datasets }: Sweep, index: number): TrialDefinition | null {
  const trial = trials[index % trials.length];
  const dataset = datasets?.[Math.floor(index / trials.length)];
  if (trial === undefined || (datasets ? !dataset : index >= trials.length)) return null;
  return { ...trial, ...(dataset && { dataset }) };
}

/** Returns the options of a trial, which the sweep's file decides. */
export const optionsOfTrial = (
  { options }: Sweep,
  { parameters, dataset }: TrialDefinition,
): Record<string, unknown> => ({
  ...options,
  ...parameters,
  ...(dataset && { dataset: dataset.dataset }),
});

const trialStates = [
  'running',
  'interrupted',
  'failed',
  'misconfigured',
  'diverged',
  'done',
] as const;

/** Whether a trial has ended for good. One that diverged has no result, so it is never the best. */
export const isFinished = (status: TrialStatus | null) =>
  status?.state === 'done' || status?.state === 'diverged';

/** sweeps/<name>/trials/<n>/status.json: the state that a trial last reported. */
export const trialStatusSchema = z.object({
  state: z.enum(trialStates),
  /** Counts the starts, from 1. */
  attempt: z.int().positive(),
  startedAt: z.iso.datetime(),
  /** When this file was written. A running trial writes it with each checkpoint. */
  updatedAt: z.iso.datetime(),
  host: z.string(),
  /** The last finished epoch; 0 before the first. */
  epoch: z.int().nonnegative(),
  /** Why the trial failed, diverged or is misconfigured. */
  message: z.string().optional(),
});

/** sweeps/<name>/trials/<n>/result.json: the epoch whose weights are the run's model. */
export const trialResultSchema = z.object({
  epoch: z.int().positive(),
  validation: z.object({ accuracy, loss }),
  seconds: runEpochSchema.shape.seconds,
});

/** A trial's configuration is invalid, so it never runs. The manifests under infra/ do not retry its exit code, 42. */
export class BadConfigurationError extends Error {
  override name = 'BadConfigurationError';
  readonly exitCode = badConfigurationExitCode;
}

export const badConfigurationExitCode = 42;

export type Sweep = z.output<typeof sweepSchema>;
export type TrialStatus = z.output<typeof trialStatusSchema>;
export type TrialResult = z.output<typeof trialResultSchema>;

/** A trial as recorded in the bucket. */
export interface Trial extends TrialDefinition {
  index: number;
  /** null if the trial was never started. */
  status: TrialStatus | null;
  /** null if the trial is not done, or has diverged. */
  result: TrialResult | null;
}

/** The number of concurrent requests. */
const concurrency = 16;

export type TrialFolder = ReturnType<typeof trialFolder>;

/** Returns the folder of a trial in the bucket, sweeps/<name>/trials/<n>/. */
export function trialFolder(bucket: Bucket, sweep: string, index: number) {
  const keyOf = (file: string) => bucket.layout.trialFile(sweep, index, file);
  const put = async (file: string, bytes: Uint8Array, contentType = 'application/json') => {
    await bucket.put(keyOf(file), bytes, { contentType, cacheControl: 'no-cache' });
  };
  const writeJson = (file: string, value: unknown) => put(file, toJsonBytes(value));
  return {
    /** Such as `trial 3 of the sweep learning-rate`. */
    name: `trial ${index} of the sweep ${sweep}`,
    put,
    writeJson,
    get: async (file: string) => (await bucket.get(keyOf(file)))?.bytes ?? null,
    isEmpty: async (folder: string) => (await bucket.list(keyOf(folder))).length === 0,
    readStatus: async () =>
      (await readJson(bucket, keyOf('status.json'), trialStatusSchema))?.value ?? null,
    /** Writes the trial's status, with the current time and this machine's name. */
    writeStatus: (status: Omit<TrialStatus, 'updatedAt' | 'host'>) =>
      writeJson('status.json', {
        ...status,
        updatedAt: new Date().toISOString(),
        host: hostname(),
      }),
  };
}

/** Reads all trials of a sweep, by index. */
export async function readTrials(bucket: Bucket, sweep: Sweep): Promise<Trial[]> {
  const { name } = sweep;
  const stored = new Set((await bucket.listAll(bucket.layout.trials(name))).map(({ key }) => key));
  const read = async <Schema extends z.ZodType>(index: number, file: string, schema: Schema) => {
    const key = bucket.layout.trialFile(name, index, file);
    return stored.has(key) ? ((await readJson(bucket, key, schema))?.value ?? null) : null;
  };
  const indices = Array.from({ length: trialCount(sweep) }, (_, index) => index);
  return mapInBatches(indices, concurrency, async (index) => {
    const definition = trialAt(sweep, index) as TrialDefinition;
    const result = await read(index, 'result.json', trialResultSchema);
    const status = await read(index, 'status.json', trialStatusSchema);
    return { index, ...definition, status, result };
  });
}

/** The best trial of a data set; null if none is done. */
export interface BestOfDataset {
  dataset: SweepDataset;
  trials: readonly Trial[];
  best: (Trial & { result: TrialResult }) | null;
}

/** Returns the best trial of each data set. */
export function bestOfEach({ datasets = [], trials: { length } }: Sweep, trials: readonly Trial[]) {
  return datasets.map((dataset, at): BestOfDataset => {
    const own = trials.slice(at * length, (at + 1) * length);
    return { dataset, trials: own, best: bestTrial(own) };
  });
}

/** Returns the first trial with the best validation accuracy; null if none is done. */
export function bestTrial(trials: readonly Trial[]): (Trial & { result: TrialResult }) | null {
  let best: (Trial & { result: TrialResult }) | null = null;
  for (const trial of trials) {
    const { result } = trial;
    if (result && (!best || result.validation.accuracy > best.result.validation.accuracy)) {
      best = { ...trial, result };
    }
  }
  return best;
}
