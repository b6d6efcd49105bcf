/**
 * `catwalk/trainer`: trains, evaluates and publishes image classifiers from your own program. The functions do what the
 * commands of `catwalk` do, and read and write the same run folders and buckets.
 *
 * @example
 * import { loadDataset, predict, publish, train } from 'catwalk/trainer';
 *
 * const dataset = await loadDataset('photos');
 * const { run, accuracy } = await train(dataset, { epochs: 10 });
 * console.log(accuracy, await predict(run, ['picture.jpg']));
 * await publish(run, 's3://bucket', { alias: 'production' });
 */
import { UsageError } from '../node/options.ts';
import type { Prediction } from '../shared/model/prediction.ts';
import type { Metrics } from '../shared/registry/manifest.ts';
import type { BackendChoice, DeviceChoice } from './backend/backend.ts';
import type { Dataset } from './data/dataset.ts';
import type { LoadDatasetOptions } from './data/load-dataset.ts';
import type { BucketSettings } from './registry/bucket-location.ts';
import type { TrainCommandOptions } from './run/options.ts';
import type { Publication, PublishRunOptions } from './run/publish.ts';
import type { TrainReport } from './run/record-training.ts';

export type { Dataset, Metrics, Prediction, Publication, TrainReport };

/**
 * Loads a data set and checks it.
 *
 * @param source `fashion-mnist`, `mnist`, `kmnist`, or a folder of images or of IDX files, also as s3://bucket/prefix
 * @param options.background what becomes of the background of pictures: `invert`, `isolate` or `keep` (default: as `catwalk train`)
 * @param options.fit how pictures of other proportions fit into the input: `contain` (default), `cover` or `stretch`
 * @param options.colour what the network sees of a folder's images: `rgb` or `grey` (default: `rgb` if they have colours)
 * @param options.size the side of the input in pixels, for a folder of images (default: as `catwalk train`)
 * @param options.dataDir a folder with the files of a known data set (default: downloaded and cached)
 * @param options.offline use only local files
 * @param options.skipUnreadable leave out files in a folder of images that are not images; `folder.skipped` lists them
 * @throws {Error} if the folder is not a data set, or no source of a known one can be reached
 *
 * @example
 * const { labels, train, test } = await loadDataset('photos'); // photos/train/<label>/*.jpg, photos/test/<label>/*.jpg
 * console.log(`${labels.join(', ')}: ${train.count} to train on, ${test.count} to test with`);
 */
export async function loadDataset(
  source = 'fashion-mnist',
  options: Omit<LoadDatasetOptions, 'dataset' | 'sources' | 'model'> = {},
): Promise<Dataset> {
  const { openDataset } = await import('./registry/open-dataset.ts');
  return openDataset({ ...options, dataset: source });
}

/** Decided when the data set is loaded. */
const ofFolder = ['background', 'fit', 'colour', 'size'] as const;
type OfDataset = 'dataset' | 'dataDir' | (typeof ofFolder)[number];

/** The options of `catwalk train --help`, written as `batchSize` instead of `--batch-size`, with the same defaults. */
export interface TrainOptions extends Partial<Omit<TrainCommandOptions, OfDataset | 'json'>> {
  /** Called with everything that happens, in order: `progress` after each step, `epoch` after each epoch, and others. */
  onProgress?: (report: TrainReport) => void;
  /** Ends the training after the current step, with a checkpoint, and rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface TrainResult {
  /** The run's folder. It has the weights, the metrics and a report, and is what the other functions accept. */
  run: string;
  /** Accuracy of the run's model on the test images, 0 to 1. */
  accuracy: number;
  /** Average cross-entropy of the run's model on the test images. */
  loss: number;
}

/**
 * Trains a network on a data set, in worker threads, and writes a run folder.
 *
 * @throws {Error} if an option is unknown or invalid, or the backend does not load
 *
 * @example
 * const { run, accuracy } = await train(dataset, {
 *   recipe: 'fast',
 *   onProgress(report) {
 *     if (report.event === 'epoch') console.log(`epoch ${report.epoch}: ${report.metrics.accuracy}`);
 *   },
 * });
 */
export async function train(dataset: Dataset, options: TrainOptions = {}): Promise<TrainResult> {
  const { onProgress, signal = new AbortController().signal, ...settings } = options;
  const { trainOptionsSchema } = await import('./run/options.ts');
  const unknown = Object.keys(settings).filter((name) => !(name in trainOptionsSchema.shape));
  if (unknown.length > 0) {
    throw new UsageError(
      `train: there is no option ${unknown.join(', ')}. The options are: ${Object.keys(trainOptionsSchema.shape).join(', ')}`,
    );
  }
  const misplaced = ofFolder.find((name) => name in settings);
  if (misplaced) throw new UsageError(`train: ${misplaced} is an option of loadDataset`);
  const { planRun } = await import('./run/plan-run.ts');
  const { trainWithTeacher } = await import('./run/train-distilled.ts');
  const plan = await planRun({ ...settings, dataset: dataset.origin });
  const result = { run: '', accuracy: 0, loss: 0 };
  const report = (report: TrainReport) => {
    if (report.event === 'finished') {
      const { run, accuracy, loss } = report;
      Object.assign(result, { run, accuracy, loss });
    }
    onProgress?.(report);
  };
  await trainWithTeacher({ ...plan, dataset }, { report, close() {} }, signal);
  return result;
}

/** How a trained model is run. */
export interface UseOptions {
  /** `auto` is the fastest that works (default). */
  backend?: BackendChoice;
  /** `auto` is a GPU if there is one (default). */
  device?: DeviceChoice;
  signal?: AbortSignal;
}

/**
 * Measures a run's model on its test set: accuracy, average loss, scores per class and the confusion matrix.
 *
 * @param run the run's folder
 * @param options.dataset the data set (default: the run's own, loaded again)
 * @throws {Error} if the folder is not a complete run, or the data set is not there any more
 *
 * @example
 * const { accuracy, perClass } = await evaluate(run);
 * for (const { label, recall } of perClass) console.log(label, recall);
 */
export async function evaluate(
  run: string,
  { dataset, ...options }: UseOptions & { dataset?: Dataset } = {},
): Promise<Metrics> {
  const { evaluateModel } = await import('./evaluate/evaluate-model.ts');
  const { modelOfRun } = await import('./evaluate/trained-model.ts');
  const model = await modelOfRun(run);
  const loadTest = dataset && (async () => ({ ...dataset.test, name: dataset.name }));
  const { metrics } = await evaluateModel(
    { ...model, ...(loadTest && { loadTest }) },
    { backend: 'auto', device: 'auto', ...options },
  );
  return metrics;
}

/**
 * Predicts image files: PNG, JPEG, WebP, GIF or BMP, of any size.
 *
 * @param run the run's folder
 * @returns one prediction per file, in their order
 * @throws {Error} that names each file that can't be read
 *
 * @example
 * const [{ predicted }] = await predict(run, ['picture.jpg']);
 * console.log(`${predicted.label}, ${predicted.probability}`);
 */
export async function predict(
  run: string,
  files: readonly string[],
  options: UseOptions = {},
): Promise<Prediction[]> {
  const { imagesOfFiles } = await import('./evaluate/images-to-predict.ts');
  const { predictImages } = await import('./evaluate/predict-images.ts');
  const { modelOfRun } = await import('./evaluate/trained-model.ts');
  const model = await modelOfRun(run);
  const images = await imagesOfFiles(files, model.spec, 'auto');
  const faults = images.flatMap((image) =>
    'error' in image ? `${image.source.file}: ${image.error}` : [],
  );
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const readable = images.filter((image) => 'pixels' in image);
  const settings = { backend: 'wasm', device: 'auto', ...options } as const;
  const predictions = await predictImages(model, readable, settings);
  return predictions.map(({ predicted, probabilities }) => ({ predicted, probabilities }));
}

export interface PublishOptions
  extends PublishRunOptions,
    Pick<BucketSettings, 'endpoint' | 'region' | 'pathStyle' | 'profile' | 'allowUnsafeStore'> {
  /** Upload this data set's test images too, for the Worker's `GET /predict?index=`. */
  dataset?: Dataset;
}

/**
 * Publishes a run's model to a bucket, as a new, immutable version. Credentials come from the `AWS_…` variables.
 *
 * @param run the run's folder
 * @param bucket `s3://bucket` or `s3://bucket/prefix`
 * @param options.alias the alias to point at the version, unless it serves a more accurate one
 * @throws {Error} if the folder is not a complete run, or the bucket can't be used
 *
 * @example
 * const { manifest, move } = await publish(run, 's3://bucket', { alias: 'production', dataset });
 * console.log(manifest.version, move?.outcome);
 */
export async function publish(
  run: string,
  bucket: string,
  { dataset, ...options }: PublishOptions = {},
): Promise<Publication> {
  const { openBucket } = await import('./registry/bucket.ts');
  const { uploadTestSet } = await import('./registry/test-set.ts');
  const { publishRun } = await import('./run/publish.ts');
  const opened = openBucket({ ...options, url: bucket });
  if (dataset) await uploadTestSet(opened, dataset);
  return publishRun(opened, run, options);
}
