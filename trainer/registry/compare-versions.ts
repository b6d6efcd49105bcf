/** Comparing the version that an alias names with the one that it shall name. */
import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../../shared/registry/manifest.ts';
import type { Bucket } from './bucket.ts';
import { downloadTestSet } from './download-test-set.ts';
import { readTestSetOf } from './test-set.ts';

/** The images that decide: those of the test set, or those that were held back from training. */
export type ComparisonSet = 'test' | 'validation';

export interface Comparison {
  currentAccuracy: number;
  newAccuracy: number;
  /** Whether both were measured just now, because they were recorded on different test sets. */
  measured: boolean;
}

/**
 * Compares two versions on the same images. If they were tested on different sets, or their labels differ, both are measured on the set of
 * the later one.
 *
 * @returns null if they can't be compared: the bucket lacks that test set, its images have another size than a model takes, or the
 *   versions have other validation images
 */
export async function compareVersions(
  bucket: Bucket,
  current: Manifest,
  next: Manifest,
  set: ComparisonSet,
): Promise<Comparison | null> {
  const isSameData =
    isDeepStrictEqual(current.dataset, next.dataset) &&
    isDeepStrictEqual(current.model.labels, next.model.labels);
  if (set === 'validation') {
    const [before, after] = [validationOf(current), validationOf(next)];
    if (!isSameData || !before || !after) return null;
    if (before.count !== after.count || before.seed !== after.seed) return null;
    return { currentAccuracy: before.accuracy, newAccuracy: after.accuracy, measured: false };
  }
  if (isSameData) {
    const [currentAccuracy, newAccuracy] = [current.metrics.accuracy, next.metrics.accuracy];
    return { currentAccuracy, newAccuracy, measured: false };
  }
  const later = current.createdAt > next.createdAt ? current : next;
  const info = await readTestSetOf(bucket, later);
  if (!info) return null;
  const { height, width, channels = 1, labels } = info.value;
  for (const { model } of [current, next]) {
    if (model.inputShape.join() !== [height, width, channels].join()) return null;
  }
  const images = await downloadTestSet(bucket, info.value);
  // TensorFlow.js is slow to load.
  const { measureVersion } = await import('./measure-version.ts');
  const measure = (manifest: Manifest) => measureVersion(bucket, manifest, images, labels);
  const currentAccuracy = await measure(current);
  return { currentAccuracy, newAccuracy: await measure(next), measured: true };
}

/** Returns the accuracy of a version on its validation images, and what determines those in a data set. */
function validationOf({ training }: Manifest) {
  const { history = [], epoch, validation: count = 0, seed } = training;
  const accuracy = history.find((entry) => entry.epoch === epoch)?.validationAccuracy;
  return accuracy === undefined ? null : { accuracy, count, seed };
}
