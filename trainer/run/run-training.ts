import { buildModel } from '../../shared/build-model.ts';
import type { Training } from '../../shared/manifest.ts';
import { cnnFor, type ModelSpec } from '../../shared/model-spec.ts';
import { writeArtifacts } from '../artifacts/write-artifacts.ts';
import { openBackend } from '../backends/open-backend.ts';
import type { TrainCommandOptions } from '../commands/train-options.ts';
import { loadDataset } from '../dataset/load-dataset.ts';
import { openBucket } from '../publish/bucket.ts';
import { readSigningKey } from '../publish/sign-manifest.ts';
import { uploadTestSet } from '../publish/upload-test-set.ts';
import type { Reporter } from '../report/reporter.ts';
import { recipeWith } from '../training/recipe.ts';
import { train } from '../training/train.ts';
import { gitState } from './git-state.ts';
import { guessesOf } from './guesses.ts';
import { hardware } from './hardware.ts';
import { packageVersions } from './package-versions.ts';
import { publishEpoch } from './publish-epoch.ts';
import { createRunFolder, type RunFolder } from './run-folder.ts';

/**
 * One run from data to the last epoch: trains, keeps every epoch in a run folder and, where a bucket is given, publishes it.
 *
 * @throws {Error} where data, backend or bucket can't be had; what is published by then stays
 */
export async function runTraining(
  options: TrainCommandOptions,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { seed, backend, device, threads, limit, dtype } = options;
  const recipe = recipeWith(options.recipe, options);
  // Wrong names and credentials are found out before anything is computed.
  const bucket =
    options.publish === undefined ? null : openBucket({ ...options, url: options.publish });
  const signingKey = options.sign === undefined ? undefined : await readSigningKey(options.sign);
  const dataset = await loadDataset({
    dataset: options.dataset,
    dataDir: options.dataDir,
    signal,
    onProgress: (message) => reporter.report({ event: 'message', message }),
  });
  const { name, train: trainSet, test, source, origin } = dataset;
  const spec = cnnFor(dataset);
  reporter.report({
    event: 'dataset',
    name,
    train: trainSet.count,
    test: test.count,
    source,
  });
  if (bucket) await uploadTestSet(bucket, dataset);
  await describeModel(spec, reporter);

  const base = {
    recipe: options.recipe,
    ...recipe,
    dtype,
    seed,
    packages: packageVersions(),
    git: await gitState(),
  };
  const datasetHashes = { name, origin, files: dataset.files };
  let computer: Pick<Training, 'backend' | 'device' | 'threads'> | undefined;
  let run: RunFolder | undefined;
  let result = { accuracy: 0, seconds: 0 };
  for await (const event of train({
    spec,
    dataset,
    recipe,
    seed,
    backend,
    device,
    threads,
    limit,
    dtype,
    signal,
  })) {
    reporter.report(event);
    if (event.event === 'started') {
      computer = {
        backend: event.backend.name,
        device: event.backend.device.name,
        threads: event.threads,
      };
      const config = {
        ...base,
        ...computer,
        limit: limit ?? null,
        hardware: hardware(),
        spec,
        dataset: datasetHashes,
      };
      run = await createRunFolder(options.runs, config);
    } else if (event.event === 'epoch' && computer && run) {
      const { epoch, metrics, validation, trainLoss, seconds, imagesPerSecond } = event;
      const { artifacts, logits } = event;
      const training: Training = { ...base, ...computer, epoch, seconds, imagesPerSecond };
      result = { accuracy: metrics.accuracy, seconds };
      const guesses = guessesOf(logits, test.labels);
      const measured = { epoch, seconds, imagesPerSecond, trainLoss, ...metrics, ...guesses };
      await run.writeEpoch({ ...measured, ...(validation && { validation }) }, artifacts);
      await writeArtifacts(run, test);
      if (bucket) {
        const { alias, force } = options;
        const trained = { run: run.path, artifacts, metrics, training };
        const published = await publishEpoch(bucket, {
          ...{ spec, dataset, alias, force, signingKey },
          ...trained,
        });
        reporter.report({ event: 'published', epoch, alias, ...published });
      }
    }
  }
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  reporter.report({ event: 'finished', ...result, run: run?.path ?? '', peakBytes });
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
