import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { buildModel } from '../../shared/model/build-model.ts';
import { cnnFor, type ModelSpec } from '../../shared/model/model-spec.ts';
import type { Training } from '../../shared/registry/manifest.ts';
import { openBackend } from '../backend/open-backend.ts';
import type { Dataset, ImageSet } from '../data/dataset.ts';
import { loadDataset } from '../data/load-dataset.ts';
import type { Bucket } from '../registry/bucket.ts';
import { readSigningKey } from '../registry/signature.ts';
import { uploadTestSet } from '../registry/test-set.ts';
import { recipeWith } from '../train/recipe.ts';
import { train } from '../train/train.ts';
import { firstPosition, type TrainingPosition } from '../train/training-state.ts';
import { CheckpointError } from './checkpoint.ts';
import { folderStore, openCheckpoints } from './checkpoints.ts';
import { writeMetrics } from './metrics-files.ts';
import type { ResumedRun, RunPlan } from './plan-run.ts';
import { gitState, hardware, packageVersions } from './provenance.ts';
import { publishEpoch } from './publish-epoch.ts';
import type { Reporter } from './reporter.ts';
import { createRunFolder, type RunFolder, reopenRunFolder } from './run-folder.ts';
import { guessesOf, historyOf } from './run-records.ts';

/**
 * One run from data to the last epoch: trains, keeps every epoch in a run folder and, where a bucket is given, publishes it.
 * Checkpoints are written while the training goes on; where it is interrupted, the last one before it ends.
 *
 * @param keepRun called when an epoch is in the run's folder, before its checkpoint is taken
 * @throws {Error} where data, backend or bucket can't be had; what is published by then stays
 */
export async function runTraining(
  { options, given, bucketCheckpoints, resumed, goOn }: RunPlan,
  reporter: Reporter,
  signal: AbortSignal,
  keepRun: (run: RunFolder) => Promise<void> = async () => {},
): Promise<void> {
  const { seed, backend, device, threads, limit, dtype } = options;
  const recipe = recipeWith(options.recipe, options);
  const tell = (message: string) => reporter.report({ event: 'message', message });
  const { dataset: source, dataDir } = options;
  const datasetOptions = { dataset: source, dataDir, signal, onProgress: tell };
  const finish = (run: RunFolder | undefined) => {
    const { accuracy, seconds } = run?.epochs.at(-1) ?? { accuracy: 0, seconds: 0 };
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    reporter.report({ event: 'finished', accuracy, seconds, run: run?.path ?? '', peakBytes });
  };
  let run = resumed
    ? await reopenRunFolder(resumed.path, resumed.config, resumed.checkpoint?.epochs ?? [])
    : undefined;
  let checkpoints = bucketCheckpoints;
  if (run) checkpoints ??= await openCheckpoints(folderStore(join(run.path, 'checkpoint')));
  for (const damage of checkpoints?.damages ?? []) tell(damage);
  const resumeFrom = resumed?.checkpoint?.state;
  if (resumeFrom && resumeFrom.position.epoch > recipe.epochs) {
    tell('This run is finished: there is nothing to go on with.');
    if (run && !existsSync(join(run.path, 'report.html'))) {
      await drawRun(run, (await loadDataset(datasetOptions)).test);
    }
    return finish(run);
  }
  // Wrong names and credentials are found out before anything is computed.
  const bucket = await openBucketOf(options);
  const signingKey = options.sign === undefined ? undefined : await readSigningKey(options.sign);
  const dataset = await loadDataset(datasetOptions);
  const { name, train: trainSet, test, origin } = dataset;
  const spec = cnnFor(dataset);
  reporter.report({
    event: 'dataset',
    name,
    train: trainSet.count,
    test: test.count,
    source: dataset.source,
  });
  if (resumed) checkSameDataset(resumed, dataset);
  if (bucket) await uploadTestSet(bucket, dataset);
  await describeModel(spec, reporter);
  if (resumed) tell(`Going on with ${resumed.path} ${positionText(resumeFrom?.position)}`);

  const startedWith = {
    recipe: options.recipe,
    ...recipe,
    dtype,
    seed,
    packages: packageVersions(),
    git: await gitState(),
    limit: limit ?? null,
    hardware: hardware(),
    spec,
    dataset: { name, origin, files: dataset.files },
    options: given,
  };
  let saving: Promise<void> = Promise.resolve();
  try {
    for await (const event of train({
      ...{ spec, dataset, recipe, seed, backend, device, threads, limit, dtype },
      ...{ signal, resumeFrom },
      checkpoints: { steps: options.checkpointSteps, seconds: options.checkpointSeconds },
    })) {
      if (event.event !== 'checkpoint') reporter.report(event);
      if (event.event === 'started') {
        const { threads: used, backend: opened } = event;
        const computer = { backend: opened.name, device: opened.device.name, threads: used };
        run ??= await createRunFolder(options.runs, { ...startedWith, ...computer });
        checkpoints ??= await openCheckpoints(folderStore(join(run.path, 'checkpoint')));
      } else if (event.event === 'epoch' && run) {
        const { epoch, metrics, validation, trainLoss, seconds, imagesPerSecond } = event;
        const { artifacts, logits } = event;
        const answers = { logits, actual: test.labels };
        const guesses = guessesOf(logits, test.labels);
        const measured = { epoch, seconds, imagesPerSecond, trainLoss, ...metrics, ...guesses };
        await run.writeEpoch(
          { ...measured, ...(validation && { validation }) },
          artifacts,
          answers,
        );
        await writeMetrics(run);
        await keepRun(run);
        if (bucket) {
          const { alias, force } = options;
          const history = historyOf(run.epochs);
          const training: Training = { ...run.config, epoch, seconds, imagesPerSecond, history };
          const trained = { run: run.path, artifacts, answers, metrics, training };
          const published = await publishEpoch(bucket, {
            ...{ spec, dataset, alias, force, signingKey },
            ...trained,
          });
          reporter.report({ event: 'published', epoch, alias, ...published });
        }
      } else if (event.event === 'checkpoint' && run && checkpoints) {
        await saving;
        const { path, config, epochs } = run;
        const { where } = checkpoints;
        const { epoch, step } = event.state.position;
        const checkpoint = { run: basename(path), config, epochs: [...epochs], state: event.state };
        saving = checkpoints
          .save(checkpoint)
          .then(() => reporter.report({ event: 'checkpoint', epoch, step, where }));
        // It is awaited, with its error, before the next one and at the end.
        saving.catch(() => {});
        if (signal.aborted) {
          await saving;
          const at = positionText(event.state.position);
          const again = options.checkpoint ?? path;
          tell(`Interrupted ${at}. ${goOn ?? `Go on with: npx catwalk train --resume ${again}`}`);
        }
      }
    }
    await saving;
  } catch (error) {
    // An interrupted run, too, is one to look at; what ended it comes first.
    if (run) await drawRun(run, test).catch(() => {});
    throw error;
  }
  if (run) {
    await drawRun(run, test);
    await keepRun(run);
  }
  finish(run);
}

/** It brings the AWS SDK, 30 MiB that a run without a bucket need not hold. */
async function openBucketOf(options: RunPlan['options']): Promise<Bucket | null> {
  if (options.publish === undefined) return null;
  const { openBucket } = await import('../registry/bucket.ts');
  return openBucket({ ...options, url: options.publish });
}

function positionText(position: TrainingPosition = firstPosition): string {
  const { epoch, step } = position;
  return step === 0 ? `before epoch ${epoch}` : `in epoch ${epoch}, after step ${step}`;
}

/** @throws {CheckpointError} where the data is not what the run has seen so far */
function checkSameDataset({ path, config }: ResumedRun, { name, files }: Dataset): void {
  if (isDeepStrictEqual(config.dataset.files, files)) return;
  throw new CheckpointError(
    `${path} was trained on another data set: ${config.dataset.name}, whose files have other SHA-256 than ${name}'s. Its checkpoint stays as it is.`,
  );
}

/** Reports the layers as TensorFlow.js prints them. */
async function describeModel(spec: ModelSpec, reporter: Reporter): Promise<void> {
  await openBackend('cpu');
  const model = buildModel(spec, 0);
  const summary: string[] = [];
  model.summary(undefined, undefined, (row: string) => summary.push(row));
  reporter.report({
    event: 'model',
    name: spec.name,
    summary,
    parameters: model.countParams(),
  });
  model.dispose();
}

/**
 * Draws a run's charts and report, where it has an epoch. Vega takes 100 MiB for it: called when the threads that trained have
 * given theirs back, and loaded then.
 */
export async function drawRun(run: RunFolder, test: ImageSet): Promise<void> {
  if (run.epochs.length === 0) return;
  const { writeArtifacts } = await import('./write-artifacts.ts');
  await writeArtifacts(run, test);
}
