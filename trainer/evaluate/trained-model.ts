import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';
import type { ImageSet } from '../data/dataset.ts';
import { loadDataset } from '../data/load-dataset.ts';
import { readRun } from '../run/read-run.ts';

/** A model that was trained, wherever it lies. */
export interface TrainedModel {
  /** What it is, for programs. */
  identity:
    | { name: string; run: string; epoch: number }
    | { name: string; version: string; alias: string | null };
  /** The same for people. */
  description: string;
  spec: ModelSpec;
  /** As `tf.loadLayersModel` takes them. */
  files: Record<string, Uint8Array>;
  /** What was measured when it was trained. */
  recorded: Pick<Metrics, 'accuracy' | 'loss'>;
  /** Loads the images that it was measured on. */
  loadTest(options: LoadTestOptions): Promise<NamedTestSet>;
}

export interface LoadTestOptions {
  /** Takes the data set from this folder instead. */
  dataDir?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((message: string) => void) | undefined;
}

export interface NamedTestSet extends ImageSet {
  /** Of the data set. */
  name: string;
}

/**
 * The model that a training left in its folder.
 *
 * @throws {RunError} where the folder is no whole run
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
      const origin = dataset.origin ?? dataset.name;
      const { name, test } = await loadDataset({ ...options, dataset: origin });
      return { ...test, name };
    },
  };
}
