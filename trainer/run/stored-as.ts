import { isDeepStrictEqual } from 'node:util';
import type { io } from '@tensorflow/tfjs-core';
import { inputOptionsFor } from '../../shared/model/model-spec.ts';
import { modelJsonSchema, type WeightType } from '../../shared/registry/manifest.ts';
import { openBackend } from '../backend/open-backend.ts';
import { type Dataset, type ImageSet, inputOf } from '../data/dataset.ts';
import type { LoadDatasetOptions } from '../data/load-dataset.ts';
import { openDataset } from '../registry/open-dataset.ts';
import { modelFiles, type VersionToPublish } from '../registry/publish-version.ts';
import { computeLogits } from '../train/compute-logits.ts';
import { firstImages, splitValidation } from '../train/image-order.ts';
import { computeMetrics } from '../train/metrics.ts';
import { readModelWeights } from '../weights/read-model-weights.ts';
import { storeAs } from '../weights/stored-weights.ts';
import { RunError, type StoredRun } from './read-run.ts';
import { evaluationBytes } from './run-folder.ts';
import type { RunConfig } from './run-records.ts';

/** The content of a version that depends on the type of its weights. */
type MeasuredModel = Pick<VersionToPublish, 'files' | 'metrics' | 'training' | 'evaluation'>;

/**
 * Stores a run's weights as another type, and measures these: on all test images, and on the validation images if the run has some.
 *
 * @throws {RunError} if its data set has changed
 */
export async function storedAs(
  dtype: WeightType,
  run: StoredRun,
  options: Pick<LoadDatasetOptions, 'dataDir' | 'signal'>,
): Promise<MeasuredModel> {
  const { config, epoch, training } = run;
  const { spec } = config;
  const dataset = await datasetOf(config, options);
  if (!isDeepStrictEqual(dataset.files, config.dataset.files)) {
    throw new RunError(
      `--dtype: the files of ${dataset.name} are not those that ${run.path} was trained on, so its accuracy would not compare. Name their folder with --data-dir.`,
    );
  }
  await openBackend('wasm');
  const artifacts = storeAs(dtype, await wholeArtifacts(run));
  const files = modelFiles(artifacts);
  const weights = await readModelWeights(spec, { ...files });
  const measure = async (images: ImageSet) => {
    const logits = await computeLogits(spec, weights, images, options.signal);
    const answers = { logits, actual: images.labels };
    return { answers, metrics: computeMetrics(logits, images.labels, spec.labels) };
  };
  const { answers, metrics } = await measure(dataset.test);
  const held = epoch.validation && validationOf(config, dataset);
  const validation = held && (await measure(held)).metrics.accuracy;
  const { accuracy, loss } = metrics;
  const measured = {
    accuracy,
    loss,
    ...(typeof validation === 'number' && { validationAccuracy: validation }),
  };
  const history = training.history?.map((line) =>
    line.epoch === epoch.epoch ? { ...line, ...measured } : line,
  );
  return {
    files,
    metrics,
    training: { ...training, dtype, history },
    evaluation: evaluationBytes(answers, files['weights.bin']),
  };
}

/** Returns a run's model with weights in float32. */
async function wholeArtifacts({ config, files }: StoredRun): Promise<io.ModelArtifacts> {
  const json = JSON.parse(new TextDecoder().decode(files['model.json']));
  const { modelTopology, weightsManifest } = modelJsonSchema.parse(json);
  const weights = await readModelWeights(config.spec, { ...files });
  return {
    modelTopology,
    weightSpecs: weightsManifest.flatMap((group) =>
      group.weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' as const })),
    ),
    weightData: weights.map(({ values }) => new Float32Array(values).buffer),
  };
}

/** Loads the data set of a run, which may be in a bucket. */
function datasetOf({ spec, dataset }: RunConfig, options: LoadDatasetOptions): Promise<Dataset> {
  const { name, origin = name, labelOffset, skipUnreadable } = dataset;
  const { fit, background, ...input } = inputOptionsFor(spec);
  const how = { fit, background, ...inputOf(input), labelOffset, skipUnreadable };
  return openDataset({ ...how, ...options, dataset: origin });
}

/** Returns the images that were held back from a run's training. */
function validationOf({ limit, validation = 0, seed }: RunConfig, dataset: Dataset) {
  const images = firstImages(dataset.train, typeof limit === 'number' ? limit : undefined);
  return splitValidation(images, validation, seed).validation ?? dataset.validation;
}
