import { hostname } from 'node:os';
import type { Bucket } from '../publish/bucket.ts';
import { readJson, toJsonBytes } from '../publish/read-json.ts';
import {
  type Sweep,
  type TrialResult,
  type TrialStatus,
  trialResultSchema,
  trialStatusSchema,
} from './sweep-records.ts';

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
