import * as tf from '@tensorflow/tfjs-core';
import { argMax } from '../../shared/model/predict.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { openBackend } from '../backend/open-backend.ts';
import type { ImageSet } from '../data/dataset.ts';
import { computeLogits } from '../train/compute-logits.ts';
import { readModelWeights } from '../weights/read-model-weights.ts';
import type { Bucket } from './bucket.ts';
import { downloadVersion } from './versions.ts';

/** Returns the share of images whose label a version predicts. A label that the model does not know is never predicted. */
export async function measureVersion(
  bucket: Bucket,
  { name, version, model }: Manifest,
  images: ImageSet,
  labels: readonly string[],
): Promise<number> {
  const { files } = await downloadVersion(bucket, name, version);
  const before = tf.getBackend();
  await openBackend('wasm');
  try {
    const weights = await readModelWeights(model, files);
    const logits = await computeLogits(model, weights, images);
    const classes = model.labels.length;
    const isRight = (label: number, image: number) => {
      const predicted = argMax(logits.subarray(image * classes, (image + 1) * classes));
      return model.labels[predicted] === labels[label];
    };
    return Array.from(images.labels).filter(isRight).length / images.count;
  } finally {
    // A training's main thread saves its models with another backend.
    if (before) await tf.setBackend(before);
  }
}
