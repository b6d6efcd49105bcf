import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { writeAtomically } from '../../node/files.ts';
import { argMax, softmax } from '../../shared/model/predict.ts';
import {
  type Evaluation,
  evaluationFile,
  evaluationSchema,
} from '../../shared/registry/evaluation.ts';
import { modelFiles } from '../registry/publish-version.ts';
import {
  bestEpoch,
  type MeasuredEpoch,
  type RunConfig,
  type RunEpoch,
  runEpochSchema,
} from './run-records.ts';

/**
 * One training's folder. Every file in it is written whole or not at all, so that a run that was interrupted is that of
 * its last finished epoch.
 *
 * - `config.json`: every value the run uses
 * - `metrics.jsonl`: a line an epoch
 * - `model/`: the best epoch's weights, as `tf.loadLayersModel` takes them, and evaluation.json; `model/last/`: the newest
 */
export interface RunFolder {
  path: string;
  config: RunConfig;
  /** Those that were written so far, in order. */
  epochs: readonly RunEpoch[];
  /** @param answers of every test image */
  writeEpoch(
    measured: MeasuredEpoch,
    artifacts: io.ModelArtifacts,
    answers?: TestAnswers,
  ): Promise<void>;
}

/**
 * Makes the folder of a run that starts.
 *
 * @param runs the folder of all runs
 * @param config every value that the run uses
 * @param startedAt names the run
 */
export async function createRunFolder(
  runs: string,
  config: RunConfig,
  startedAt = new Date(),
): Promise<RunFolder> {
  const id = `${startedAt.toISOString().replace(/[-:]|\.\d+/g, '')}-${process.pid}`;
  const path = join(runs, id);
  await mkdir(path, { recursive: true });
  await writeAtomically(join(path, 'config.json'), configBytes(config));
  return openRunFolder(path, config, []);
}

/**
 * Goes on with a run's folder, also on a machine that has none of it yet.
 *
 * @param written the epochs to go on from
 */
export async function reopenRunFolder(
  path: string,
  config: RunConfig,
  written: readonly RunEpoch[],
): Promise<RunFolder> {
  const file = join(path, 'config.json');
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (!isThere) await writeAtomically(file, configBytes(config));
  return openRunFolder(path, config, written);
}

/** Goes on with a run's folder, whose epochs so far are `written`; lines of other epochs are dropped with the next. */
export function openRunFolder(
  path: string,
  config: RunConfig,
  written: readonly RunEpoch[],
): RunFolder {
  const epochs = [...written];
  const write = (file: string, bytes: Uint8Array) => writeAtomically(join(path, file), bytes);
  return {
    path,
    config,
    epochs,
    async writeEpoch(measured, artifacts, answers) {
      const files = modelFiles(artifacts);
      const weightsSha256 = createHash('sha256').update(files['weights.bin']).digest('hex');
      const epoch = runEpochSchema.parse({ ...measured, weightsSha256 });
      epochs.push(epoch);
      // The lines first: until the weights replace those of an epoch before, that epoch's line says what they are.
      const lines = epochs.map((line) => `${JSON.stringify(line)}\n`);
      await write('metrics.jsonl', textBytes(lines.join('')));
      // A run that goes on on another machine has no model there yet: any epoch's is better than none.
      const isMissing = !existsSync(join(path, 'model/model.json'));
      const isBest = bestEpoch(epochs) === epoch || isMissing;
      const folders = isBest ? ['model/last', 'model'] : ['model/last'];
      for (const folder of folders) {
        for (const [file, bytes] of Object.entries(files)) await write(`${folder}/${file}`, bytes);
        // It says of which weights it is: until it is written, the one before it counts for nothing.
        if (answers) {
          const evaluation = evaluationBytes(answers, files['weights.bin']);
          await write(`${folder}/${evaluationFile}`, evaluation);
        }
      }
    },
  };
}

const configBytes = (config: RunConfig) => textBytes(`${JSON.stringify(config, null, 2)}\n`);
const textBytes = (text: string) => new TextEncoder().encode(text);

/** What a model said of the whole test set, and what the images are. */
export interface TestAnswers {
  /** [image][label], flat */
  logits: Float32Array;
  /** One class id per image. */
  actual: Uint8Array;
}

/** @returns evaluation.json of the model with these weights */
export function evaluationBytes({ logits, actual }: TestAnswers, weights: Uint8Array): Uint8Array {
  const images = actual.length;
  const classes = logits.length / images;
  const predicted = Buffer.alloc(images);
  const probability = Buffer.alloc(2 * images);
  for (let image = 0; image < images; image++) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const label = argMax(row);
    predicted[image] = label;
    probability.writeUInt16LE(Math.round(65535 * (softmax(row)[label] as number)), 2 * image);
  }
  const evaluation: Evaluation = {
    schemaVersion: 1,
    weightsSha256: sha256(weights),
    images,
    actual: Buffer.from(actual).toString('base64'),
    predicted: predicted.toString('base64'),
    probability: probability.toString('base64'),
  };
  return new TextEncoder().encode(`${JSON.stringify(evaluation)}\n`);
}

/** @returns whether the bytes are an evaluation of the model with these weights */
export function isEvaluationOf(bytes: Uint8Array, weights: Uint8Array): boolean {
  try {
    const evaluation = evaluationSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return evaluation.weightsSha256 === sha256(weights);
  } catch {
    return false;
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
