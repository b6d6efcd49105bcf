import { basename, join } from 'node:path';
import { shellQuoted } from '../../node/text.ts';
import { isMobilenet } from '../../shared/model/mobilenet.ts';
import type { Manifest, Metrics } from '../../shared/registry/manifest.ts';
import { DeviceLostError } from '../../shared/webgpu/open-device.ts';
import type { Dataset, FolderReport, ImageSet } from '../data/dataset.ts';
import type { LabelCounts } from '../data/folder-report.ts';
import type { Bucket } from '../registry/bucket.ts';
import type { AliasMoveResult } from '../registry/move-alias.ts';
import {
  firstPosition,
  type TrainingPosition,
  type TrainingState,
} from '../train/training-state.ts';
import type { TrainingEvent } from '../train/training-types.ts';
import { type Checkpoints, folderStore, openCheckpoints } from './checkpoints.ts';
import type { CollectMore } from './collect-more.ts';
import type { RunPlan } from './plan-run.ts';
import { isAliasFree, publishRun } from './publish.ts';
import { epochInModel } from './read-run.ts';
import { createRunFolder, moveRun, type RunFolder } from './run-folder.ts';
import { lockRun } from './run-lock.ts';
import type { RunConfig, RunEpoch } from './run-records.ts';

/** An event that a training reports. */
export type TrainReport =
  | { event: 'message'; message: string }
  /** The progress of reading an image folder, about once a second. */
  | { event: 'reading'; done: number; of: number }
  | {
      event: 'dataset';
      name: string;
      /** Images of each part, and of each part and label. */
      train: number;
      validation: number;
      test: number;
      perLabel: LabelCounts[];
      source: string;
      folder?: FolderReport;
    }
  | { event: 'model'; name: string; summary: string[]; parameters: number }
  | Exclude<TrainingEvent, { event: 'checkpoint' }>
  /** A checkpoint is written. */
  | { event: 'checkpoint'; epoch: number; step: number; where: string }
  | { event: 'published'; epoch: number; manifest: Manifest; alias: string; move: AliasMoveResult }
  | {
      event: 'finished';
      /** The epoch whose weights are in the run's model/, and its metrics on the test and validation images. */
      epoch: number;
      accuracy: number;
      loss: number;
      validation?: RunEpoch['validation'];
      lastEpoch: number;
      /** Time of the training steps of all epochs. */
      seconds: number;
      run: string;
      /** What new training images would help most, if the data set is not a known one. */
      collect?: CollectMore;
      /** The peak resident set size of this process. */
      peakBytes: number;
    };

/** Displays the reports of a training, in order. */
export interface Reporter {
  report(report: TrainReport): void;
  /** Restores the terminal, also after a failed training. */
  close(): void;
}

export interface Recording {
  plan: RunPlan;
  dataset: Dataset;
  /** Returns config.json for a run on this backend. */
  configOn: (computer: { backend: string; device: string; threads: number }) => RunConfig;
  /** The bucket to publish to. */
  bucket: Bucket | null;
  /** The folder of a resumed run. A new run gets its folder when the training starts. */
  run: RunFolder | null;
  checkpoints: Checkpoints | null;
  reporter: Reporter;
  signal: AbortSignal;
  onEpoch: (run: RunFolder) => Promise<void>;
}

/**
 * Records a training: its epochs in the run's folder, its checkpoints, and at the end its report. The bucket gets the model
 * at the end, and before that each better epoch as long as no other model is served.
 */
export async function recordTraining(
  events: AsyncIterable<TrainingEvent>,
  { plan, dataset, bucket, reporter, signal, onEpoch, ...recording }: Recording,
): Promise<RunFolder> {
  const { options } = plan;
  const { test } = dataset;
  let { run, checkpoints } = recording;
  let writer: CheckpointWriter | undefined;
  let unlock = () => {};
  const publish = bucket && publisher(bucket, plan, reporter);
  try {
    for await (const event of events) {
      if (event.event !== 'checkpoint') reporter.report(event);
      if (event.event === 'started') {
        const { threads, backend } = event;
        const computer = { backend: backend.name, device: backend.device.name, threads };
        if (!run) {
          run = await createRunFolder(options.runs, recording.configOn(computer));
          unlock = await lockRun(run.path);
        } else if (run.config.backend !== computer.backend) {
          run = await moveRun(run, computer);
        }
        checkpoints ??= await checkpointsOf(run);
        writer = checkpointWriter(run, checkpoints, reporter);
      } else if (event.event === 'epoch' && run) {
        await writeEpoch(run, event, test);
        await onEpoch(run);
        if (bucket && (await isAliasFree(bucket, options.alias, run))) await publish?.(run);
      } else if (event.event === 'checkpoint' && run && writer) {
        await writer.save(event.state);
        if (!signal.aborted) continue;
        await writer.finish();
        const resume = resumeCommand(options, run);
        // A checkpoint in a bucket does not say which data, bucket, alias and key to use.
        const others = options.checkpoint
          ? ' and the same --dataset, --publish, --sign and --alias'
          : '';
        const advice = plan.resumeAdvice ?? `Resume with: ${resume}${others}`;
        const message = `Interrupted ${positionText(event.state.position)}. ${advice}`;
        reporter.report({ event: 'message', message });
      }
    }
    await writer?.finish();
    if (!run) throw new Error('The training ended before it started.');
    // Before the report, which takes seconds to draw.
    await publish?.(run);
    await drawRun(run, test);
    await onEpoch(run);
    return run;
  } catch (error) {
    if (run && error instanceof DeviceLostError) {
      await writer?.finish();
      const message = `The last checkpoint is kept. Resume with: ${resumeCommand(options, run)}`;
      reporter.report({ event: 'message', message });
    }
    // An interrupted run gets a report, too. The reason for the interruption takes precedence over errors in it.
    if (run) await drawRun(run, test).catch(() => {});
    throw error;
  } finally {
    unlock();
  }
}

const resumeCommand = ({ checkpoint }: RunPlan['options'], { path }: RunFolder): string =>
  `npx catwalk train --resume ${shellQuoted(checkpoint ?? path)}`;

/** Opens the checkpoints in the run's folder. */
export const checkpointsOf = ({ path }: RunFolder) =>
  openCheckpoints(folderStore(join(path, 'checkpoint')));

async function writeEpoch(
  run: RunFolder,
  event: Extract<TrainingEvent, { event: 'epoch' }>,
  { labels }: ImageSet,
): Promise<void> {
  const { artifacts, metrics, epoch, seconds, imagesPerSecond, trainLoss, validation } = event;
  const answers = { logits: event.logits, actual: labels };
  const progress = { epoch, seconds, imagesPerSecond };
  const images = isMobilenet(run.config.spec) ? imagesOf(validation) : undefined;
  const held = validation ? { ...validation, images } : undefined;
  const measured = { ...metrics, ...progress, trainLoss, validation: held };
  await run.writeEpoch(measured, artifacts, answers);
}

const imagesOf = (metrics: Metrics | null) =>
  metrics?.perClass.reduce((sum, { support }) => sum + support, 0);

/** Returns a function that publishes a run's model, unless it has published the same epoch before. */
export function publisher(bucket: Bucket, { options }: RunPlan, reporter: Reporter) {
  let published: RunEpoch | undefined;
  return async ({ path, epochs }: RunFolder): Promise<void> => {
    const model = await epochInModel(path, epochs);
    if (model === published) return;
    const { alias, force, margin, compareOn, sign } = options;
    const reason = force ? 'catwalk train --force' : undefined;
    const gate = { alias, force, margin, compareOn, sign, reason };
    const { manifest, move } = await publishRun(bucket, path, gate);
    published = model;
    if (move) reporter.report({ event: 'published', epoch: model.epoch, alias, manifest, move });
  };
}

type CheckpointWriter = ReturnType<typeof checkpointWriter>;

/** Writes checkpoints, one after the other, while the training continues. An error is thrown by the next call. */
function checkpointWriter(run: RunFolder, checkpoints: Checkpoints, reporter: Reporter) {
  let saving: Promise<void> = Promise.resolve();
  return {
    async save(state: TrainingState): Promise<void> {
      await saving;
      const { path, config, epochs } = run;
      const { epoch, step } = state.position;
      const { location: where } = checkpoints;
      saving = checkpoints
        .save({ run: basename(path), config, epochs: [...epochs], state })
        .then(() => reporter.report({ event: 'checkpoint', epoch, step, where }));
      // Avoids an unhandled rejection until the next call awaits the promise.
      saving.catch(() => {});
    },
    /** Waits until the last checkpoint is written. */
    finish: () => saving,
  };
}

export function positionText({ epoch, step }: TrainingPosition = firstPosition): string {
  return step === 0 ? `before epoch ${epoch}` : `in epoch ${epoch}, after step ${step}`;
}

/**
 * Draws a run's charts and report if it has an epoch. Vega takes 100 MiB, so it is loaded only now, when the training
 * threads have released their memory.
 */
export async function drawRun(run: RunFolder, test: ImageSet): Promise<void> {
  if (run.epochs.length === 0) return;
  const { writeArtifacts } = await import('./write-artifacts.ts');
  await writeArtifacts(run, test);
}
