/** The program of a worker thread, which computes features of images. Only compute-features.ts starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '../backend/open-backend.ts';
import type { ImageSet } from '../data/dataset.ts';
import { imageIn } from '../data/image-set.ts';
import {
  type FeatureKind,
  type FeatureSettings,
  openImageFeatures,
} from './compute-image-features.ts';

/** A set of images, and memory that threads share for the results. */
export interface FeatureSet {
  /** On shared memory, or in a file. */
  images: Pick<ImageSet, 'images' | 'count' | 'file'>;
  kind: FeatureKind;
  /** Of each image, one after the other. */
  features: Uint8Array;
  /** Of each training image; empty for the others. */
  means: Float32Array;
}

/** The data that a thread starts with. */
export interface FeatureData {
  settings: FeatureSettings;
  sets: readonly FeatureSet[];
}

/** Some images of a set: `from` to `end - 1`. */
export interface FeatureTask {
  /** The number of the set. */
  set: number;
  from: number;
  end: number;
}

/** Why results can't be cached; null if they are, or if there is no cache. */
export type FeatureAnswer = { fault: string | null };

await openBackend('cpu');
const { settings, sets } = workerData as FeatureData;
const featuresOf = openImageFeatures(settings);

parentPort?.on('message', async ({ set, from, end }: FeatureTask) => {
  const { images, kind, features, means } = sets[set] as FeatureSet;
  const answer: FeatureAnswer = { fault: null };
  for (let i = from; i < end; i++) {
    const result = await featuresOf(imageIn(images, i), kind);
    features.set(result.features, i * result.features.length);
    if (means.length > 0) means.set(result.means, i * result.means.length);
    answer.fault ??= result.fault ?? null;
  }
  parentPort?.postMessage(answer);
});
