/** The program of a worker thread, which computes features of images. Only compute-features.ts starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { openBackend } from '../backend/open-backend.ts';
import {
  type FeatureKind,
  type FeatureSettings,
  type ImageFeatures,
  openImageFeatures,
} from './compute-image-features.ts';

/** Images to compute, all of one kind. */
export interface FeatureTask {
  kind: FeatureKind;
  /** Of each image. */
  pixels: Uint8Array[];
}

await openBackend('cpu');
const featuresOf = openImageFeatures(workerData as FeatureSettings);

parentPort?.on('message', async ({ kind, pixels }: FeatureTask) => {
  const results: ImageFeatures[] = [];
  for (const image of pixels) results.push(await featuresOf(image, kind));
  parentPort?.postMessage(results);
});
