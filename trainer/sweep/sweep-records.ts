import { hostname } from 'node:os';
import * as z from 'zod';
import { metricsSchema } from '../../shared/registry/manifest.ts';
import type { Bucket } from '../registry/bucket.ts';
import { readJson, toJsonBytes } from '../registry/read-json.ts';
import { runEpochSchema } from '../run/run-records.ts';

const valueSchema = z.union([z.string(), z.number(), z.boolean()]);
const { accuracy, loss } = metricsSchema.shape;

export const sweepNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: 'must have 1 to 63 characters: the letters a to z, digits and dashes',
});

/** sweeps/<name>/sweep.json, written once, by the first trial. */
export const sweepSchema = z.object({
  schemaVersion: z.literal(1),
  name: z.string(),
  createdAt: z.iso.datetime(),
  /** The metric that selects the best trial. Not the test accuracy, which would become too optimistic. */
  objective: z.literal('validation accuracy'),
  /** The options that all trials share. */
  options: z.record(z.string(), valueSchema),
  /** The options that differ, by trial index. */
  trials: z.array(z.object({ parameters: z.record(z.string(), valueSchema) })).min(1),
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

/** sweeps/<name>/trials/<n>/result.json: the epoch with the best validation accuracy. */
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
export interface Trial {
  index: number;
  parameters: Sweep['trials'][number]['parameters'];
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
export async function readTrials(bucket: Bucket, { name, trials }: Sweep): Promise<Trial[]> {
  const stored = new Set((await bucket.listAll(bucket.layout.trials(name))).map(({ key }) => key));
  const read = async <Schema extends z.ZodType>(index: number, file: string, schema: Schema) => {
    const key = bucket.layout.trialFile(name, index, file);
    return stored.has(key) ? ((await readJson(bucket, key, schema))?.value ?? null) : null;
  };
  const found: Trial[] = [];
  for (let from = 0; from < trials.length; from += concurrency) {
    const part = trials.slice(from, from + concurrency).map(async ({ parameters }, offset) => {
      const index = from + offset;
      const result = await read(index, 'result.json', trialResultSchema);
      const status = await read(index, 'status.json', trialStatusSchema);
      return { index, parameters, status, result };
    });
    found.push(...(await Promise.all(part)));
  }
  return found;
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
