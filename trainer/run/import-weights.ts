import { cnnFor, type ModelSpec } from '../../shared/model/model-spec.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';
import type { BackendChoice, DeviceChoice, OpenBackend } from '../backend/backend.ts';
import { openBackend, openFastest } from '../backend/open-backend.ts';
import type { Dataset } from '../data/dataset.ts';
import { computeLogits } from '../train/compute-logits.ts';
import { openMaster } from '../train/master-model.ts';
import { computeMetrics } from '../train/metrics.ts';
import { fromPytorch } from '../weights/pytorch.ts';
import { readWeightsFile } from '../weights/read-weights-file.ts';
import { type LayerTensor, WeightsFileError } from '../weights/tensor.ts';
import { findBetterScale } from './compare-scales.ts';
import { type WeightsFileOptions, withScale } from './parent-model.ts';
import { provenance } from './provenance.ts';
import { createRunFolder } from './run-folder.ts';
import { writeArtifacts } from './write-artifacts.ts';

export interface ImportOptions extends WeightsFileOptions {
  /** A `.pth` or `.safetensors` file. */
  file: string;
  /** Loads the data set that provides the labels, and the test images for the metrics. */
  loadDataset: () => Promise<Dataset>;
  /** Returns the network for the data set (default: Catwalk's CNN). */
  specFor?: (dataset: Dataset) => ModelSpec;
  backend: BackendChoice;
  device: DeviceChoice;
  /** The folder of all runs. */
  runs: string;
  signal?: AbortSignal | undefined;
}

export interface ImportedRun {
  /** The run's folder. */
  run: string;
  spec: ModelSpec;
  metrics: Metrics;
  backend: OpenBackend;
  /** The place of the weights in the file, and all places with weights. '' is its root. */
  key: string;
  keys: string[];
  /** A scale of pixels with which the network is clearly more accurate; null if there is none, or a scale was given. */
  betterScale: Awaited<ReturnType<typeof findBetterScale>>;
}

/**
 * Creates a run from weights that PyTorch trained. It can be published, evaluated and used for predictions like any other.
 *
 * @throws {WeightsFileError} if the file cannot be read, or has the weights of another network
 */
export async function importWeights(options: ImportOptions): Promise<ImportedRun> {
  const { file, specFor = networkOfFile, mean, std, signal } = options;
  // Before the data set, which may have to be downloaded.
  const { name, sha256, tensors, key, keys } = await readWeightsFile(file, options.key);
  const dataset = await options.loadDataset();
  const spec = withScale(specFor(dataset), mean, std);
  const weights = withFileName(file, () => fromPytorch(tensors, spec));
  const master = await openMaster(spec, 0);
  const artifacts = await master.artifactsOf(flatten(weights));
  const { opened: backend } = await openFastest(
    options.backend,
    options.device,
    (candidate, device) => openBackend(candidate, { device }),
  );
  const { test } = dataset;
  const logits = await computeLogits(spec, weights, test, signal);
  const metrics = computeMetrics(logits, test.labels, spec.labels);
  const isScaleGiven = mean !== undefined || std !== undefined;
  const betterScale = isScaleGiven ? null : await findBetterScale(spec, weights, dataset);
  const run = await createRunFolder(options.runs, {
    // Catwalk did not train these weights.
    recipe: 'imported',
    epochs: 0,
    batchSize: 0,
    optimizer: 'none',
    learningRate: 0,
    seed: 0,
    backend: backend.name,
    device: backend.device.name,
    threads: 1,
    ...(await provenance(spec, dataset)),
    parent: { file: name, sha256 },
  });
  const answers = { logits, actual: test.labels };
  await run.writeEpoch(
    { epoch: 0, seconds: 0, imagesPerSecond: 0, ...metrics },
    artifacts,
    answers,
  );
  await writeArtifacts(run, test);
  return { run: run.path, spec, metrics, backend, key, keys, betterScale };
}

/** A file's network was trained with its own scale, not with that of the data set. */
const networkOfFile = (dataset: Dataset) => cnnFor({ ...dataset, scale: undefined });

/** Adds the file's name to errors about its tensors. */
function withFileName(file: string, read: () => LayerTensor[]): LayerTensor[] {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof WeightsFileError)) throw cause;
    throw new WeightsFileError(`${file}: ${cause.message}`, { cause });
  }
}

function flatten(weights: readonly LayerTensor[]): Float32Array {
  const parameters = new Float32Array(weights.reduce((sum, { values }) => sum + values.length, 0));
  let offset = 0;
  for (const { values } of weights) {
    parameters.set(values, offset);
    offset += values.length;
  }
  return parameters;
}
