import * as tf from '@tensorflow/tfjs-core';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { normalizePixels, softmax } from '../../shared/model/predict.ts';
import { type Bucket, openBucket } from '../../trainer/registry/bucket.ts';
import { publishVersion } from '../../trainer/registry/publish-version.ts';
import { uploadTestSet } from '../../trainer/registry/test-set.ts';
import { fixtureDataset } from '../support/datasets/fixture-dataset.ts';
import { trainedModel } from '../support/models/trained-model.ts';

export interface PublishedVersions {
  bucket: Bucket;
  versions: string[];
  /** Grey pixels of the test images, 784 bytes each. */
  pixels: Uint8Array;
  /** By version and test image: the probabilities of the trainer's own forward pass. */
  expected: Map<string, number[][]>;
}

/** Versions are distinguishable: they differ by more than this in every image. */
const leastDifference = 0.001;

/** Uploads the fixture's test set, and publishes an untrained version per seed. */
export async function publishVersions(
  environment: Record<string, string>,
  seeds: number[],
): Promise<PublishedVersions> {
  const bucket = openBucket({ url: 's3://catwalk', environment });
  const dataset = await fixtureDataset();
  await uploadTestSet(bucket, dataset);
  const { images: pixels, count } = dataset.test;
  const expected: PublishedVersions['expected'] = new Map();
  for (const seed of seeds) {
    const trained = await trainedModel(seed, 0.1);
    const { version } = await publishVersion(bucket, trained);
    expected.set(version, probabilitiesOf(trained.model, pixels, count));
    trained.model.dispose();
  }
  checkDifferences(expected);
  return { bucket, versions: Array.from(expected.keys()), pixels, expected };
}

function probabilitiesOf(
  model: Awaited<ReturnType<typeof trainedModel>>['model'],
  pixels: Uint8Array,
  count: number,
): number[][] {
  const { inputShape, labels, preprocessing } = fashionMnistCnn;
  const logits = tf.tidy(() => {
    const input = tf.tensor(normalizePixels(pixels, preprocessing), [count, ...inputShape]);
    return (model.predict(input) as tf.Tensor).dataSync<'float32'>();
  });
  return Array.from({ length: count }, (_, i) =>
    softmax(logits.subarray(i * labels.length, (i + 1) * labels.length)),
  );
}

function checkDifferences(expected: PublishedVersions['expected']): void {
  const all = Array.from(expected.values());
  for (const [i, one] of all.entries()) {
    for (const other of all.slice(i + 1)) {
      for (const [image, probabilities] of one.entries()) {
        if (maxDifference(probabilities, other[image] ?? []) > leastDifference) continue;
        throw new Error(`Two versions say the same of image ${image}.`);
      }
    }
  }
}

/** @returns NaN if their lengths differ */
export const maxDifference = (one: readonly number[], other: readonly number[]): number =>
  one.length === other.length
    ? Math.max(...one.map((value, i) => Math.abs(value - (other[i] as number))))
    : Number.NaN;
