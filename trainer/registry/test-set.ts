import { createHash } from 'node:crypto';
import type { DatasetFile } from '../../shared/registry/bucket-layout.ts';
import { type DatasetInfo, datasetInfoSchema } from '../../shared/registry/manifest.ts';
import type { Dataset } from '../data/dataset.ts';
import { idxFile } from '../data/idx-folder.ts';
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

/**
 * The test set as it lies in the bucket: uncompressed IDX files, so that an image is one range read, and what they hold.
 */
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
      { path: 'test-images.idx', bytes: images.byteLength, sha256: sha256(images) },
      { path: 'test-labels.idx', bytes: ids.byteLength, sha256: sha256(ids) },
    ],
  });
  return {
    'test-images.idx': images,
    'test-labels.idx': ids,
    'dataset.json': new TextEncoder().encode(`${JSON.stringify(info, null, 2)}\n`),
  };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
