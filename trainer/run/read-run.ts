import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import * as z from 'zod';
import { evaluationFile } from '../../shared/registry/evaluation.ts';
import { type Training, trainingSchema } from '../../shared/registry/manifest.ts';
import { isEvaluationOf } from './run-folder.ts';
import {
  bestEpoch,
  historyOf,
  type RunConfig,
  type RunEpoch,
  runConfigSchema,
  runEpochSchema,
} from './run-records.ts';

/** A run as stored in its folder, with the model in model/ and its records. */
export interface StoredRun {
  /** Absolute. */
  path: string;
  /** The folder's name. */
  id: string;
  config: RunConfig;
  /** The hash of config.json. */
  configSha256: string;
  /** In training order. */
  epochs: RunEpoch[];
  /** The epoch whose weights are in model/. */
  epoch: RunEpoch;
  /** How the weights in model/ were trained. */
  training: Training;
  files: Record<'weights.bin' | 'model.json', Uint8Array>;
  /** evaluation.json for these weights; absent in runs of older versions. */
  evaluation: Uint8Array | undefined;
}

/** A folder is not a run, or an incomplete one. */
export class RunError extends Error {
  override name = 'RunError';
}

/**
 * Reads a run folder, and checks by their hash that the weights are those of one of its epochs.
 *
 * @throws {RunError} if a file is missing or invalid
 */
export async function readRun(folder: string): Promise<StoredRun> {
  const path = resolve(folder);
  const { config, configSha256 } = await readConfig(path);
  const epochs = parseEpochs(await readRunFile(path, 'metrics.jsonl'), path);
  const files = {
    'weights.bin': await readRunFile(path, 'model/weights.bin'),
    'model.json': await readRunFile(path, 'model/model.json'),
  };
  const epoch = epochOf(files['weights.bin'], epochs, path);
  const { seconds, imagesPerSecond } = epoch;
  const evaluation = await readFile(join(path, 'model', evaluationFile)).catch(() => undefined);
  return {
    path,
    id: basename(path),
    config,
    configSha256,
    epochs,
    epoch,
    training: trainingSchema.parse({
      ...config,
      epoch: epoch.epoch,
      seconds,
      imagesPerSecond,
      history: historyOf(epochs),
    }),
    files,
    evaluation:
      evaluation && isEvaluationOf(evaluation, files['weights.bin']) ? evaluation : undefined,
  };
}

/**
 * Reads a run's config.json.
 *
 * @throws {RunError} if it is missing or invalid
 */
export async function readConfig(
  folder: string,
): Promise<Pick<StoredRun, 'config' | 'configSha256'>> {
  const bytes = await readRunFile(folder, 'config.json');
  const config = parse(runConfigSchema, bytes, join(folder, 'config.json'));
  return { config, configSha256: sha256(bytes) };
}

async function readRunFile(folder: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, file));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw new RunError(message, { cause });
    throw new RunError(
      `${folder} is not a run with a trained model: it has no ${file}. \`catwalk train\` creates runs, as folders under runs/.`,
      { cause },
    );
  }
}

/** Parses metrics.jsonl. Drops a last line without a line break: the run was killed while writing it. */
function parseEpochs(bytes: Uint8Array, folder: string): RunEpoch[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line, index) =>
    parse(runEpochSchema, Buffer.from(line), `${join(folder, 'metrics.jsonl')}:${index + 1}`),
  );
}

/**
 * Returns the epoch whose weights are in model/. It is the best one, except in a run that resumed on another machine, which
 * lacks the best weights of before.
 *
 * @param epochs at least one
 */
export async function epochInModel(folder: string, epochs: readonly RunEpoch[]): Promise<RunEpoch> {
  const weights = await readFile(join(folder, 'model/weights.bin')).catch(() => null);
  return (weights && epochWith(weights, epochs)) ?? bestEpoch(epochs);
}

function epochWith(weights: Uint8Array, epochs: readonly RunEpoch[]): RunEpoch | undefined {
  const hash = sha256(weights);
  return epochs.findLast(({ weightsSha256 }) => weightsSha256 === hash);
}

function epochOf(weights: Uint8Array, epochs: RunEpoch[], folder: string): RunEpoch {
  const epoch = epochWith(weights, epochs);
  if (epoch) return epoch;
  throw new RunError(
    `${join(folder, 'model/weights.bin')} does not belong to any epoch in metrics.jsonl: it was modified or truncated. Train again.`,
  );
}

function parse<Schema extends z.core.$ZodType>(schema: Schema, bytes: Uint8Array, file: string) {
  try {
    const result = z.safeParse(schema, JSON.parse(new TextDecoder().decode(bytes)));
    if (result.success) return result.data;
    throw new Error(`\n${z.prettifyError(result.error)}`);
  } catch (cause) {
    throw new RunError(`${file} is invalid: ${(cause as Error).message}`, { cause });
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/**
 * Returns the folder of the newest run that has a model.
 *
 * @param runs the folder of all runs
 * @throws {RunError} if there is none
 */
export async function newestRun(runs: string): Promise<string> {
  const names = await readdir(runs).catch(() => []);
  const newest = names
    .toSorted()
    .findLast((name) => existsSync(join(runs, name, 'model/model.json')));
  if (newest !== undefined) return join(runs, newest);
  throw new RunError(
    `There is no run in ${runs} yet. \`catwalk train\` creates one. If your runs are in another folder, name it with --runs.`,
  );
}
