import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { buildModel } from '../../shared/model/build-model.ts';
import { cnnFor, type ModelSpec } from '../../shared/model/model-spec.ts';
import { openBackend } from '../backend/open-backend.ts';
import type { Dataset, ImageSet } from '../data/dataset.ts';
import { loadDataset } from '../data/load-dataset.ts';
import type { Bucket } from '../registry/bucket.ts';
import { readSigningKey } from '../registry/signature.ts';
import { uploadTestSet } from '../registry/test-set.ts';
import { recipeWith } from '../train/recipe.ts';
import { train } from '../train/train.ts';
import {
  firstPosition,
  type TrainingPosition,
  type TrainingState,
} from '../train/training-state.ts';
import type { TrainingEvent } from '../train/training-types.ts';
import { CheckpointError, type ResumedRun } from './checkpoint.ts';
import { type Checkpoints, folderStore, openCheckpoints } from './checkpoints.ts';
import type { RunPlan } from './plan-run.ts';
import { provenance } from './provenance.ts';
import { type EpochToPublish, publishEpoch } from './publish.ts';
import type { Reporter } from './reporter.ts';
import { createRunFolder, type RunFolder, reopenRunFolder } from './run-folder.ts';
import { historyOf } from './run-records.ts';

/**
 * Runs a training from the data to the last epoch. Every epoch is written to the run's folder and, if a bucket is given,
 * published. Checkpoints are written while the training continues, and before an interruption ends it.
 *
 * @param onEpoch called after an epoch is in the run's folder, before its checkpoint
 * @throws {Error} if data, backend or bucket are unavailable; published versions are kept
 */
export async function runTraining(
  plan: RunPlan,
  reporter: Reporter,
  signal: AbortSignal,
  onEpoch: (run: RunFolder) => Promise<void> = async () => {},
): Promise<void> {
  const { options, resumed } = plan;
  const notify = (message: string) => reporter.report({ event: 'message', message });
  const { dataset: source, dataDir } = options;
  const load = () => loadDataset({ dataset: source, dataDir, signal, onProgress: notify });
  const recipe = recipeWith(options.recipe, options);
  const resumeFrom = resumed?.checkpoint?.state;
  let run = resumed && (await reopenRunFolder(resumed));
  let checkpoints = plan.bucketCheckpoints ?? (run && (await checkpointsOf(run)));
  for (const fault of checkpoints?.faults ?? []) notify(fault);
  if (run && resumeFrom && resumeFrom.position.epoch > recipe.epochs) {
    notify('This run is already finished. There is nothing to resume.');
    if (!existsSync(join(run.path, 'report.html'))) await drawRun(run, (await load()).test);
    reportFinished(run, reporter);
    return;
  }
  // Wrong names and credentials fail before anything is computed.
  const bucket = await openBucketOf(options);
  const signingKey = options.sign === undefined ? undefined : await readSigningKey(options.sign);
  const dataset = await load();
  const spec = cnnFor(dataset);
  const { test } = dataset;
  reportDataset(dataset, reporter);
  if (resumed) checkSameDataset(resumed, dataset);
  if (bucket) await uploadTestSet(bucket, dataset);
  await reportModel(spec, reporter);
  if (resumed) notify(`Resuming ${resumed.path} ${positionText(resumeFrom?.position)}`);
  const { alias, force } = options;
  const target = {
    spec,
    dataset: { name: dataset.name, files: dataset.files },
    alias,
    force,
    signingKey,
  };
  const config = {
    recipe: options.recipe,
    ...recipe,
    dtype: options.dtype,
    seed: options.seed,
    limit: options.limit ?? null,
    ...(await provenance(spec, dataset)),
    options: plan.given,
  };
  let writer: CheckpointWriter | undefined;
  try {
    for await (const event of train({
      ...options,
      spec,
      dataset,
      recipe,
      signal,
      resumeFrom,
      checkpoints: { steps: options.checkpointSteps, seconds: options.checkpointSeconds },
    })) {
      if (event.event !== 'checkpoint') reporter.report(event);
      if (event.event === 'started') {
        const { threads, backend } = event;
        const computer = { backend: backend.name, device: backend.device.name, threads };
        run ??= await createRunFolder(options.runs, { ...config, ...computer });
        checkpoints ??= await checkpointsOf(run);
        writer = checkpointWriter(run, checkpoints, reporter);
      } else if (event.event === 'epoch' && run) {
        const trained = await writeEpoch(run, event, test);
        await onEpoch(run);
        if (!bucket) continue;
        const published = await publishEpoch(bucket, run.path, { ...target, ...trained });
        reporter.report({ event: 'published', epoch: event.epoch, alias, ...published });
      } else if (event.event === 'checkpoint' && run && writer) {
        await writer.save(event.state);
        if (!signal.aborted) continue;
        await writer.finish();
        const resume = `npx catwalk train --resume ${options.checkpoint ?? run.path}`;
        const advice = plan.resumeAdvice ?? `Resume with: ${resume}`;
        notify(`Interrupted ${positionText(event.state.position)}. ${advice}`);
      }
    }
    await writer?.finish();
  } catch (error) {
    // An interrupted run gets a report, too. The reason for the interruption takes precedence over errors in it.
    if (run) await drawRun(run, test).catch(() => {});
    throw error;
  }
  if (!run) return;
  await drawRun(run, test);
  await onEpoch(run);
  reportFinished(run, reporter);
}

/** Opens the bucket to publish to. The AWS SDK takes 30 MiB, so a run without a bucket does not load it. */
async function openBucketOf(options: RunPlan['options']): Promise<Bucket | null> {
  if (options.publish === undefined) return null;
  const { openBucket } = await import('../registry/bucket.ts');
  return openBucket({ ...options, url: options.publish });
}

const checkpointsOf = ({ path }: RunFolder) =>
  openCheckpoints(folderStore(join(path, 'checkpoint')));

/** @throws {CheckpointError} if the run was trained on other data */
function checkSameDataset({ path, config }: ResumedRun, { name, files }: Dataset): void {
  if (isDeepStrictEqual(config.dataset.files, files)) return;
  throw new CheckpointError(
    `${path} was trained on another data set: the files of ${config.dataset.name} there have other SHA-256 hashes than those of ${name} here. The checkpoint is unchanged.`,
  );
}

/** Writes an epoch to the run's folder, and returns what its publication needs. */
async function writeEpoch(
  run: RunFolder,
  event: Extract<TrainingEvent, { event: 'epoch' }>,
  { labels }: ImageSet,
): Promise<Pick<EpochToPublish, 'artifacts' | 'answers' | 'metrics' | 'training'>> {
  const { artifacts, metrics, epoch, seconds, imagesPerSecond, trainLoss, validation } = event;
  const answers = { logits: event.logits, actual: labels };
  const progress = { epoch, seconds, imagesPerSecond };
  const measured = { ...metrics, ...progress, trainLoss, validation: validation ?? undefined };
  await run.writeEpoch(measured, artifacts, answers);
  const training = { ...run.config, ...progress, history: historyOf(run.epochs) };
  return { artifacts, answers, metrics, training };
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

function positionText({ epoch, step }: TrainingPosition = firstPosition): string {
  return step === 0 ? `before epoch ${epoch}` : `in epoch ${epoch}, after step ${step}`;
}

function reportDataset({ name, train, test, source }: Dataset, reporter: Reporter): void {
  reporter.report({ event: 'dataset', name, train: train.count, test: test.count, source });
}

/** Reports the layers as TensorFlow.js prints them. */
async function reportModel(spec: ModelSpec, reporter: Reporter): Promise<void> {
  await openBackend('cpu');
  const model = buildModel(spec, 0);
  const summary: string[] = [];
  model.summary(undefined, undefined, (row: string) => summary.push(row));
  const parameters = model.countParams();
  reporter.report({ event: 'model', name: spec.name, summary, parameters });
  model.dispose();
}

function reportFinished({ path, epochs }: RunFolder, reporter: Reporter): void {
  const { accuracy, seconds } = epochs.at(-1) ?? { accuracy: 0, seconds: 0 };
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  reporter.report({ event: 'finished', accuracy, seconds, run: path, peakBytes });
}

/**
 * Draws a run's charts and report if it has an epoch. Vega takes 100 MiB, so it is loaded only now, when the training
 * threads have released their memory.
 */
async function drawRun(run: RunFolder, test: ImageSet): Promise<void> {
  if (run.epochs.length === 0) return;
  const { writeArtifacts } = await import('./write-artifacts.ts');
  await writeArtifacts(run, test);
}
