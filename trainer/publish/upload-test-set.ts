import type { DatasetFile } from '../../shared/bucket-layout.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { testSetFiles } from '../dataset/test-set-files.ts';
import type { Bucket } from './bucket.ts';

/** dataset.json last: it says that the others are there. */
const uploadOrder: readonly DatasetFile[] = ['test-images.idx', 'test-labels.idx', 'dataset.json'];

/**
 * Puts the test set into the bucket where it is absent or another one.
 *
 * @throws {BucketError} where the bucket can't be used
 */
export async function uploadTestSet(
  bucket: Bucket,
  dataset: Dataset,
): Promise<'uploaded' | 'unchanged'> {
  const files = testSetFiles(dataset);
  const infoKey = bucket.layout.datasetFile(dataset.name, 'dataset.json');
  const stored = await bucket.get(infoKey);
  if (stored && Buffer.compare(stored.bytes, files['dataset.json']) === 0) return 'unchanged';
  for (const file of uploadOrder) {
    await bucket.put(bucket.layout.datasetFile(dataset.name, file), files[file], {
      contentType: file.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      cacheControl: 'no-cache',
    });
  }
  return 'uploaded';
}
