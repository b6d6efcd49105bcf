import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isMobilenet } from '../../shared/model/mobilenet.ts';
import {
  inputOptionsFor,
  type ModelSpec,
  type NetworkName,
} from '../../shared/model/model-spec.ts';
import { networkFor } from '../../shared/model/networks.ts';
import { publishedSpec, type TrainingSpec } from '../../shared/model/training-spec.ts';
import { openTransfer } from '../backbone/open-transfer.ts';
import type { Dataset } from '../data/dataset.ts';
import { describeFolder } from '../data/folder-report.ts';
import type { Bucket } from '../registry/bucket.ts';
import { requireConditions } from '../registry/conditional-writes.ts';
import { readSigningKey } from '../registry/signature.ts';
import { storeTestSet } from '../registry/test-set.ts';
import { recipeNamesOf, recipeOf, settingsFor } from '../train/recipes.ts';
import { train } from '../train/train.ts';
import { whiteningFilters } from '../train/whiten.ts';
import type { LayerTensor } from '../weights/tensor.ts';
import { CheckpointError, type ResumedRun } from './checkpoint.ts';
import { datasetFor, recipeFor, refuseUnusable } from './fit-recipe.ts';
import { loadTrainingData } from './load-training-data.ts';
import { continuedSpec, openParent, type ParentModel } from './parent-model.ts';
import { pinnedBackbone } from './pinned-backbone.ts';
import type { RunPlan } from './plan-run.ts';
import { provenance } from './provenance.ts';
import {
  checkpointsOf,
  drawRun,
  positionText,
  publisher,
  type Reporter,
  recordTraining,
} from './record-training.ts';
import { reportDataset, reportFinished, reportModel } from './report-training.ts';
import { type RunFolder, reopenRunFolder } from './run-folder.ts';
import { lockRun } from './run-lock.ts';
import { openTeachers } from './teachers.ts';

/**
 * Runs a training from the data to the last epoch. Every epoch is written to the run's folder, and the model is published if a
 * bucket is given. Checkpoints are written while the training continues, and before an interruption ends it.
 *
 * @param onEpoch called after an epoch is in the run's folder, before its checkpoint
 * @throws {Error} if data, backend or bucket are unavailable; published versions are kept
 * @throws {CheckpointError} if another process trains the resumed run
 */
export async function runTraining(
  plan: RunPlan,
  reporter: Reporter,
  signal: AbortSignal,
  onEpoch: (run: RunFolder) => Promise<void> = async () => {},
): Promise<void> {
  const unlock = plan.resumed && (await lockRun(plan.resumed.path));
  try {
    await trainAndRecord(plan, reporter, signal, onEpoch);
  } finally {
    unlock?.();
  }
}

async function trainAndRecord(
  plan: RunPlan,
  reporter: Reporter,
  signal: AbortSignal,
  onEpoch: (run: RunFolder) => Promise<void>,
): Promise<void> {
  const { options, resumed } = plan;
  const notify = (message: string) => reporter.report({ event: 'message', message });
  const onImages = (done: number, of: number) => reporter.report({ event: 'reading', done, of });
  const reporting = { signal, onProgress: notify, onImages };
  const resumeFrom = resumed?.checkpoint?.state;
  const run = resumed && (await reopenRunFolder(resumed));
  const checkpoints = plan.bucketCheckpoints ?? (run && (await checkpointsOf(run)));
  for (const message of [...(checkpoints?.faults ?? []), ...(plan.notes ?? [])]) notify(message);
  // A resumed run has all settings in its options.
  if (run && resumeFrom && resumeFrom.position.epoch > (options.epochs ?? Infinity)) {
    return finishAgain(run, plan, reporter, reporting);
  }
  // Wrong names and credentials fail before anything is computed.
  const bucket = await openBucketOf(options);
  if (options.sign !== undefined) await readSigningKey(options.sign);
  // A resumed run has its own weights, but not those of frozen layers.
  const needsParent = !resumeFrom || isMobilenet(resumed?.config.spec ?? { layers: [] });
  const parent = options.from && needsParent ? await openParent(options.from, options) : null;
  const teachers = await openTeachers(options, resumed);
  const { dataset: loaded, network, reason } = await loadTrainingData(plan, parent, reporting);
  const given = settingsFor(network, options.recipe, loaded.train.count, options);
  const wanted = recipeOf(network, options.recipe, given);
  const dataset = datasetFor(wanted, loaded);
  const recipe = recipeFor(wanted, dataset, options, notify);
  refuseUnusable(recipe, network);
  const { trained, initial } = networkToTrain(dataset, network, parent, plan, notify);
  const spec = publishedSpec(trained) as ModelSpec;
  const backbone =
    network === 'mobilenet' && !parent ? await pinnedBackbone(plan, reporting) : null;
  const distillation = teachers?.fit(dataset, spec);
  reportDataset(dataset, reporter);
  if (resumed) checkSameDataset(resumed, dataset);
  // Served only when the alias moves to a version that was measured on it.
  if (bucket) {
    // Now, because publishing refuses such a store after the training.
    await requireConditions(bucket, await storeTestSet(bucket, dataset));
  }
  const parameters = await reportModel(spec, reporter);
  const found = describeFolder(dataset, network, parameters);
  if (found) notify(found);
  if (reason) notify(reason);
  if (resumed) notify(`Resuming ${resumed.path} ${positionText(resumeFrom?.position)}`);
  const origin = await provenance(trained, dataset);
  const configOn = (computer: { backend: string; device: string; threads: number }) => ({
    recipe: options.recipe ?? recipeNamesOf(network)[0],
    ...recipe,
    dtype: options.dtype,
    network,
    ...teachers?.record,
    seed: options.seed,
    limit: options.limit ?? null,
    ...origin,
    ...((parent ?? backbone) && { parent: (parent ?? backbone)?.origin }),
    options: plan.given,
    ...computer,
  });
  const weights = isMobilenet(spec) ? (initial ?? backbone?.weights) : undefined;
  const parts = weights
    ? await openTransfer({ ...options, spec, dataset, recipe, weights, ...reporting })
    : { spec: trained, dataset, initial };
  const events = train({
    ...options,
    ...parts,
    recipe,
    signal,
    distillation,
    resumeFrom,
    checkpoints: { steps: options.checkpointSteps, seconds: options.checkpointSeconds },
  });
  const finished = await recordTraining(events, {
    plan,
    dataset,
    configOn,
    bucket,
    run,
    checkpoints,
    reporter,
    signal,
    onEpoch,
  });
  await reportFinished(finished, reporter);
}

/** Completes what a finished run may lack if it was interrupted after its last epoch: its report, and its publication. */
async function finishAgain(
  run: RunFolder,
  plan: RunPlan,
  reporter: Reporter,
  reporting: Parameters<typeof loadTrainingData>[2],
): Promise<void> {
  const message = 'This run is already finished. There is nothing to resume.';
  reporter.report({ event: 'message', message });
  if (!existsSync(join(run.path, 'report.html'))) {
    const { dataset } = await loadTrainingData(plan, null, reporting);
    await drawRun(run, dataset.test);
  }
  const bucket = await openBucketOf(plan.options);
  if (bucket) await publisher(bucket, plan, reporter)(run);
  await reportFinished(run, reporter);
}

/** Returns the network as it trains, and the weights that it starts with if it has a parent. */
function networkToTrain(
  dataset: Dataset,
  network: NetworkName,
  parent: ParentModel | null,
  { options, resumed }: RunPlan,
  notify: (message: string) => void,
): { trained: TrainingSpec; initial?: LayerTensor[] } {
  if (!parent) {
    const trained = resumed ? resumedSpec(dataset, resumed) : networkFor(dataset, network);
    if (network !== 'residual') return { trained };
    return { trained, initial: whiteningFilters(trained, dataset.train) };
  }
  const { spec, weights, isNewLastLayer } = parent.fit(dataset);
  const labels = isNewLastLayer ? '. It has other labels, so the last layer starts anew' : '';
  notify(`Starting from the weights of ${options.from}${labels}`);
  if (parent.note) notify(parent.note);
  return { trained: spec, initial: weights };
}

function resumedSpec(dataset: Dataset, { config }: ResumedRun): TrainingSpec {
  const { spec, trainingLayers: layers } = config;
  const continued = continuedSpec(dataset, spec);
  return layers ? { ...continued, layers } : continued;
}

/** Opens the bucket to publish to. The AWS SDK takes 30 MiB, so a run without a bucket does not load it. */
async function openBucketOf(options: RunPlan['options']): Promise<Bucket | null> {
  if (options.publish === undefined) return null;
  const { openBucket } = await import('../registry/bucket.ts');
  return openBucket({ ...options, url: options.publish });
}

/** @throws {CheckpointError} if the run was trained on other data */
function checkSameDataset({ path, config }: ResumedRun, dataset: Dataset): void {
  const { name, files } = dataset;
  const { fit, background } = inputOptionsFor(config.spec);
  if (fit !== dataset.fit || background.kind !== dataset.background.kind) {
    throw new CheckpointError(
      `${path} was trained with background ${background.kind} and fit ${fit}, but ${name} was loaded with ${dataset.background.kind} and ${dataset.fit}. Load it with the same.`,
    );
  }
  if (isDeepStrictEqual(config.dataset.files, files)) return;
  throw new CheckpointError(
    `${path} was trained on another data set: the files of ${config.dataset.name} there have other SHA-256 hashes than those of ${name} here. The checkpoint is unchanged.`,
  );
}
