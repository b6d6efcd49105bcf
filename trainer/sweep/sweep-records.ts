import { hostname } from 'node:os';
import * as z from 'zod';
import { metricsSchema } from '../../shared/registry/manifest.ts';
import type { Bucket } from '../registry/bucket.ts';
import { readJson, toJsonBytes } from '../registry/read-json.ts';
import { runEpochSchema } from '../run/run-records.ts';

const valueSchema = z.union([z.string(), z.number(), z.boolean()]);
const { accuracy, loss } = metricsSchema.shape;

export const sweepNameSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, {
  error: 'a name has the letters a to z, digits and dashes, 63 at most',
});

/** sweeps/<name>/sweep.json: written once, by whichever trial comes first. */
export const sweepSchema = z.object({
  schemaVersion: z.literal(1),
  name: z.string(),
  createdAt: z.iso.datetime(),
  /** What makes a trial the best. Never the test set's accuracy: a choice by it would flatter the winner. */
  objective: z.literal('validation accuracy'),
  /** Shared by all trials, as the sweep's file has them. */
  options: z.record(z.string(), valueSchema),
  /** By index: what sets each apart. */
  trials: z.array(z.object({ parameters: z.record(z.string(), valueSchema) })).min(1),
});

export const trialStates = ['running', 'interrupted', 'failed', 'misconfigured', 'done'] as const;

/** sweeps/<name>/trials/<n>/status.json: where a trial is, as it said last. */
export const trialStatusSchema = z.object({
  state: z.enum(trialStates),
  /** Times that it was started, this one included. */
  attempt: z.int().positive(),
  startedAt: z.iso.datetime(),
  /** Of this file: a trial that is running writes it with each checkpoint. */
  updatedAt: z.iso.datetime(),
  host: z.string(),
  /** The last one that is measured; 0 before the first. */
  epoch: z.int().nonnegative(),
  /** Why it failed or is misconfigured. */
  message: z.string().optional(),
});

/** sweeps/<name>/trials/<n>/result.json: that of the epoch that is the most accurate on the validation images. */
export const trialResultSchema = z.object({
  epoch: z.int().positive(),
  validation: z.object({ accuracy, loss }),
  seconds: runEpochSchema.shape.seconds,
});

export type Sweep = z.output<typeof sweepSchema>;
export type TrialStatus = z.output<typeof trialStatusSchema>;
export type TrialResult = z.output<typeof trialResultSchema>;

/** What the bucket knows of a trial. */
export interface Trial {
  index: number;
  parameters: Sweep['trials'][number]['parameters'];
  /** null where it was never started. */
  status: TrialStatus | null;
  /** null where it is not done. */
  result: TrialResult | null;
}

/** Requests that are under way at once. */
const concurrency = 16;

export async function readStatus(
  bucket: Bucket,
  sweep: string,
  index: number,
): Promise<TrialStatus | null> {
  const key = bucket.layout.trialFile(sweep, index, 'status.json');
  return (await readJson(bucket, key, trialStatusSchema))?.value ?? null;
}

/** Writes where a trial is; the time and this machine are added. */
export async function writeStatus(
  bucket: Bucket,
  sweep: string,
  index: number,
  status: Omit<TrialStatus, 'updatedAt' | 'host'>,
): Promise<void> {
  const whole: TrialStatus = { ...status, updatedAt: new Date().toISOString(), host: hostname() };
  await writeTrialJson(bucket, sweep, index, 'status.json', whole);
}

export async function writeTrialJson(
  bucket: Bucket,
  sweep: string,
  index: number,
  file: string,
  value: unknown,
): Promise<void> {
  await bucket.put(bucket.layout.trialFile(sweep, index, file), toJsonBytes(value), {
    contentType: 'application/json',
    cacheControl: 'no-cache',
  });
}

/** Reads all trials of a sweep, in the order of their indices. */
export async function readTrials(bucket: Bucket, { name, trials }: Sweep): Promise<Trial[]> {
  const stored = new Set((await bucket.list(bucket.layout.trials(name))).map(({ key }) => key));
  const has = (index: number, file: string) =>
    stored.has(bucket.layout.trialFile(name, index, file));
  const found: Trial[] = [];
  for (let from = 0; from < trials.length; from += concurrency) {
    const part = trials.slice(from, from + concurrency).map(async ({ parameters }, offset) => {
      const index = from + offset;
      const key = bucket.layout.trialFile(name, index, 'result.json');
      const result = has(index, 'result.json')
        ? await readJson(bucket, key, trialResultSchema)
        : null;
      const status = has(index, 'status.json') ? await readStatus(bucket, name, index) : null;
      return { index, parameters, status, result: result?.value ?? null };
    });
    found.push(...(await Promise.all(part)));
  }
  return found;
}

/** The trial that is the most accurate on the validation images, of equals the first; null where none is done. */
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
