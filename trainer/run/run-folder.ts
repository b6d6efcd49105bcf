import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { writeAtomically } from '../../node/files.ts';
import { shellQuoted } from '../../node/text.ts';
import { argMax, softmax } from '../../shared/model/predict.ts';
import {
  type Evaluation,
  evaluationFile,
  evaluationSchema,
} from '../../shared/registry/evaluation.ts';
import { modelFiles } from '../registry/publish-version.ts';
import type { ResumedRun } from './checkpoint.ts';
import { writeMetrics } from './metrics-files.ts';
import {
  bestEpoch,
  type MeasuredEpoch,
  type RunConfig,
  type RunEpoch,
  runEpochSchema,
  testPredictions,
} from './run-records.ts';

/**
 * The folder of one training. Every file in it is written atomically, so an interrupted run is intact up to its last
 * finished epoch.
 *
 * - `config.json`: every value that the run uses
 * - `metrics.jsonl`: one line per epoch; metrics.csv and tensorboard/ have the same for other programs
 * - `model/`: the weights of the epoch that `bestEpoch` chooses, for `tf.loadLayersModel`, and evaluation.json
 * - `model/last/`: the same of the newest epoch
 * - `lock`: the process that trains it, while it does
 */
export interface RunFolder {
  path: string;
  config: RunConfig;
  /** The epochs so far, in order. */
  epochs: readonly RunEpoch[];
  /** @param answers for every test image */
  writeEpoch(
    measured: MeasuredEpoch,
    artifacts: io.ModelArtifacts,
    answers?: TestAnswers,
  ): Promise<void>;
}

/**
 * Creates the folder of a new run.
 *
 * @param runs the folder of all runs
 * @param config every value that the run uses
 * @param startedAt becomes part of the run's name (default: now)
 */
export async function createRunFolder(
  runs: string,
  config: RunConfig,
  startedAt = new Date(),
): Promise<RunFolder> {
  const id = `${startedAt.toISOString().replace(/[-:]|\.\d+/g, '')}-${process.pid}`;
  const path = join(runs, id);
  await writeConfig(path, config).catch((cause: Error) => {
    throw new Error(
      `The run's folder can't be created: ${cause.message}. Name a folder that you can write to with --runs.`,
      { cause },
    );
  });
  return openRunFolder(path, config, []);
}

/** Opens the folder of a resumed run. Creates it if the run was started on another machine, and records more epochs. */
export async function reopenRunFolder({
  path,
  config,
  checkpoint,
  isLonger = false,
}: ResumedRun): Promise<RunFolder> {
  if (isLonger || !existsSync(join(path, 'config.json'))) await writeConfig(path, config);
  return openRunFolder(path, config, checkpoint?.epochs ?? []);
}

/** Records that a run continues on another backend and device. */
export async function moveRun(
  { path, config, epochs }: RunFolder,
  { backend, device }: Pick<RunConfig, 'backend' | 'device'>,
): Promise<RunFolder> {
  const moved = { ...config, backend, device };
  await writeConfig(path, moved);
  return openRunFolder(path, moved, epochs);
}

const writeConfig = (path: string, config: RunConfig) =>
  writeAtomically(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);

/** Opens a run's folder. The next epoch to be written replaces the lines of all epochs that are not in `written`. */
export function openRunFolder(
  path: string,
  config: RunConfig,
  written: readonly RunEpoch[],
): RunFolder {
  const epochs = [...written];
  const write = (file: string, content: string | Uint8Array) =>
    writeAtomically(join(path, file), content).catch((cause: Error) => {
      throw new Error(
        `${cause.message}. When it can be written again, --resume ${shellQuoted(path)} continues from the last checkpoint.`,
        { cause },
      );
    });
  return {
    path,
    config,
    epochs,
    async writeEpoch(measured, artifacts, answers) {
      const files = modelFiles(artifacts);
      const weightsSha256 = sha256(files['weights.bin']);
      const predictions = answers && testPredictions(answers.logits, answers.actual);
      const epoch = runEpochSchema.parse({ ...predictions, ...measured, weightsSha256 });
      epochs.push(epoch);
      // Before the weights: until they replace those of an earlier epoch, that epoch's line still describes the model.
      const lines = epochs.map((line) => `${JSON.stringify(line)}\n`);
      await write('metrics.jsonl', lines.join(''));
      await writeMetrics(path, epochs);
      // A run that resumes on another machine has no model there yet. Any epoch is better than none.
      const isMissing = !existsSync(join(path, 'model/model.json'));
      const isBest = bestEpoch(epochs) === epoch || isMissing;
      const folders = isBest ? ['model/last', 'model'] : ['model/last'];
      for (const folder of folders) {
        for (const [file, bytes] of Object.entries(files)) await write(`${folder}/${file}`, bytes);
        // The evaluation names its weights, so an older one is ignored until this one replaces it.
        if (answers) {
          const evaluation = evaluationBytes(answers, files['weights.bin']);
          await write(`${folder}/${evaluationFile}`, evaluation);
        }
      }
    },
  };
}

/** A model's answers for the whole test set, with the actual classes. */
export interface TestAnswers {
  /** [image][label], flat */
  logits: Float32Array;
  /** One class id per image. */
  actual: Uint8Array;
}

/** Returns evaluation.json for the model with these weights. */
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

/** Returns whether the bytes are an evaluation of the model with these weights. */
export function isEvaluationOf(bytes: Uint8Array, weights: Uint8Array): boolean {
  try {
    const evaluation = evaluationSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return evaluation.weightsSha256 === sha256(weights);
  } catch {
    return false;
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
