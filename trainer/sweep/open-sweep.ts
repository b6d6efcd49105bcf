import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { UsageError } from '../../node/options.ts';
import type { Bucket } from '../registry/bucket.ts';
import type { DatasetConnection } from '../registry/open-dataset.ts';
import { readJson, toJsonBytes } from '../registry/read-json.ts';
import { expandDatasets } from './expand-datasets.ts';
import { optionNames, type SweepFile, trialParameters } from './sweep-file.ts';
import { type Sweep, sweepSchema } from './sweep-records.ts';

/**
 * Returns the sweep in the bucket. The first trial writes it, the others read it.
 *
 * @throws {UsageError} if the bucket has a sweep of this name with other trials
 */
export async function openSweep(
  bucket: Bucket,
  file: SweepFile,
  connection: DatasetConnection,
): Promise<Sweep> {
  const { name, options, datasets: patterns } = file;
  const trials = trialParameters(file).map((parameters) => ({ parameters }));
  let stored = await readSweep(bucket, name);
  if (stored === null) {
    stored = await writeSweep(bucket, {
      schemaVersion: patterns ? 2 : 1,
      name,
      createdAt: new Date().toISOString(),
      objective: 'validation accuracy',
      options,
      trials,
      ...(patterns && {
        datasets: await expandDatasets(patterns, trials.length, connection),
        patterns,
      }),
    });
  }
  // The patterns, because folders may have been added since the first trial.
  const { options: storedOptions, trials: storedTrials, patterns: storedPatterns } = stored;
  const ofFile = { options, trials, patterns };
  const inBucket = { options: storedOptions, trials: storedTrials, patterns: storedPatterns };
  if (isDeepStrictEqual(ofFile, inBucket)) return stored;
  throw new UsageError(
    `The sweep ${name} in ${bucket.url} has other options or trials than this file. Give the sweep in the file another name.`,
  );
}

/**
 * @returns null if the bucket has no such sweep
 * @throws {UsageError} if it has an option that a sweep.yaml may not have either, such as a bucket or a key
 */
export async function readSweep(bucket: Bucket, name: string): Promise<Sweep | null> {
  const found = await readJson(bucket, bucket.layout.sweep(name), sweepSchema);
  if (found === null) return null;
  const { options, trials } = found.value;
  for (const option of [options, ...trials.map(({ parameters }) => parameters)].flatMap(
    Object.keys,
  )) {
    if (optionNames.includes(option)) continue;
    throw new UsageError(
      `The sweep ${name} in ${bucket.url} has the option ${option}, which is not an option of trials. Create it again under another name: \`catwalk sweep create\`.`,
    );
  }
  return found.value;
}

async function writeSweep(bucket: Bucket, sweep: Sweep): Promise<Sweep> {
  const key = bucket.layout.sweep(sweep.name);
  const options = { contentType: 'application/json' };
  if (await bucket.putIfAbsent(key, toJsonBytes(sweep), options)) return sweep;
  // Another trial wrote it first.
  const stored = await readSweep(bucket, sweep.name);
  if (stored === null) throw new Error(`${key} in ${bucket.url} could not be written. Try again.`);
  return stored;
}

/** The variables with the job's index in Kubernetes indexed Jobs and in AWS Batch array jobs. */
const variables = ['JOB_COMPLETION_INDEX', 'AWS_BATCH_JOB_ARRAY_INDEX'];

/**
 * Returns the index of the trial to run, from `--index` or the environment.
 *
 * @param given the value of `--index`
 * @throws {UsageError} if neither names a trial, or a variable is not an index
 */
export function trialIndex(given: number | undefined, environment: NodeJS.ProcessEnv): number {
  if (given !== undefined) return given;
  const variable = variables.find((name) => environment[name]);
  if (variable === undefined) {
    throw new UsageError(
      `Name the trial to run with --index, ${variables.join(' or ')}, or run all trials on this machine with --local <n>.`,
    );
  }
  const index = z.coerce.number().int().min(0).safeParse(environment[variable]);
  if (index.success) return index.data;
  throw new UsageError(`${variable} is not a trial index: ${environment[variable]}`);
}
