import type { Metrics } from '../../shared/manifest.ts';
import type { ModelSpec } from '../../shared/model-spec.ts';
import type { ImageSet } from '../dataset/dataset.ts';

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
