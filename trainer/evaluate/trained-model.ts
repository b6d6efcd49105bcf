import { isDeepStrictEqual } from 'node:util';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';
import { type ImageSet, type ImageShape, shapeOfImages } from '../data/dataset.ts';
import { type LoadDatasetOptions, loadTestSet } from '../data/load-dataset.ts';
import { type DatasetConnection, localFolder } from '../registry/open-dataset.ts';
import { readRun } from '../run/read-run.ts';

/** A trained model from a run's folder or a bucket. */
export interface TrainedModel {
  /** Identifies the model for programs. */
  identity:
    | { name: string; run: string; epoch: number }
    | { name: string; version: string; alias: string | null };
  /** Identifies the model for people. */
  description: string;
  spec: ModelSpec;
  /** The files by path, as `tf.loadLayersModel` expects them. */
  files: Record<string, Uint8Array>;
  /** Metrics from its training. */
  recorded: Pick<Metrics, 'accuracy' | 'loss'>;
  /** Loads the test images of its data set. */
  loadTest(options: LoadTestOptions): Promise<NamedTestSet>;
}

export interface LoadTestOptions
  extends DatasetConnection,
    Pick<
      LoadDatasetOptions,
      'skipUnreadable' | 'labelOffset' | 'onProgress' | 'onImages' | 'signal'
    > {
  /** Reads the data set, or other images of the model's labels, from this folder or s3:// URL instead. */
  dataDir?: string | undefined;
}

export interface NamedTestSet extends ImageSet {
  /** The data set's name. */
  name: string;
}

/**
 * Loads the model of a run.
 *
 * @throws {RunError} if the folder is not a complete run
 */
export async function modelOfRun(folder: string): Promise<TrainedModel> {
  const { config, epoch, files } = await readRun(folder);
  const { spec, dataset } = config;
  return {
    identity: { name: spec.name, run: folder, epoch: epoch.epoch },
    description: `${spec.name}, epoch ${epoch.epoch} of run ${folder}`,
    spec,
    files,
    recorded: { accuracy: epoch.accuracy, loss: epoch.loss },
    async loadTest(options) {
      const { dataDir } = options;
      const place = await localFolder(dataDir ?? dataset.origin ?? dataset.name, options, options);
      const loaded = await loadTestSet(spec, {
        ...options,
        ...(dataDir === undefined
          ? { dataset: place }
          : { dataset: dataset.origin ?? dataset.name, dataDir: place }),
        labelOffset: options.labelOffset ?? dataset.labelOffset,
        skipUnreadable: options.skipUnreadable || dataset.skipUnreadable,
      });
      checkLabels(spec, loaded);
      return { ...loaded.test, name: loaded.name };
    },
  };
}

/**
 * Checks that a model and a data set have the same labels and image size.
 *
 * @throws {RangeError} if they differ, because each prediction would be compared with another label's id
 */
export function checkLabels(
  { name, labels, inputShape }: ModelSpec,
  dataset: ImageShape & { name: string; labels: readonly string[] },
): void {
  const [height, width, channels] = inputShape;
  const expected = { height, width, channels };
  if (shapeOfImages(dataset) !== shapeOfImages(expected)) {
    throw new RangeError(
      `The images of ${dataset.name} have ${shapeOfImages(dataset)}, but ${name} takes ${shapeOfImages(expected)}. Name the data set that it was trained on.`,
    );
  }
  if (isDeepStrictEqual([...labels], [...dataset.labels])) return;
  throw new RangeError(
    `${name} predicts ${listOf(labels)}, but ${dataset.name} has the labels ${listOf(dataset.labels)}. Name the data set that it was trained on.`,
  );
}

const maxListedLabels = 12;

const listOf = (labels: readonly string[]) =>
  labels.length > maxListedLabels
    ? `${labels.slice(0, maxListedLabels).join(', ')} and ${labels.length - maxListedLabels} more`
    : labels.join(', ');
