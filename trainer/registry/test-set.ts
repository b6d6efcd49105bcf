import { hash } from 'node:crypto';
import type { DatasetFile } from '../../shared/registry/bucket-layout.ts';
import { type DatasetInfo, datasetInfoSchema } from '../../shared/registry/manifest.ts';
import type { Dataset } from '../data/dataset.ts';
import { idxFile } from '../data/idx-folder.ts';
import type { Bucket } from './bucket.ts';
import { toJsonBytes } from './read-json.ts';

/** dataset.json comes last, because it makes the test set exist. */
const uploadOrder: readonly DatasetFile[] = ['test-images.idx', 'test-labels.idx', 'dataset.json'];

/**
 * Uploads a data set's test set, unless the bucket already has it.
 *
 * @throws {StoreError} if the bucket can't be used
 */
export async function uploadTestSet(
  bucket: Bucket,
  dataset: Dataset,
): Promise<'uploaded' | 'unchanged'> {
  const files = testSetFiles(dataset);
  const stored = await bucket.get(bucket.layout.datasetFile(dataset.name, 'dataset.json'));
  if (stored && Buffer.compare(stored.bytes, files['dataset.json']) === 0) return 'unchanged';
  for (const file of uploadOrder) {
    await bucket.put(bucket.layout.datasetFile(dataset.name, file), files[file], {
      contentType: file.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      cacheControl: 'no-cache',
    });
  }
  return 'uploaded';
}

/** Encodes a test set as it is stored: uncompressed IDX files, so that one range read gets an image, and their description. */
export function testSetFiles(dataset: Dataset): Record<DatasetFile, Uint8Array> {
  const { name, height, width, labels, test } = dataset;
  const images = idxFile([test.count, height, width], test.images);
  const ids = idxFile([test.count], test.labels);
  const info: DatasetInfo = datasetInfoSchema.parse({
    name,
    images: test.count,
    height,
    width,
    labels,
    files: [
      { path: 'test-images.idx', bytes: images.byteLength, sha256: hash('sha256', images) },
      { path: 'test-labels.idx', bytes: ids.byteLength, sha256: hash('sha256', ids) },
    ],
  });
  return { 'test-images.idx': images, 'test-labels.idx': ids, 'dataset.json': toJsonBytes(info) };
}
