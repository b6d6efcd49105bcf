import { createHash } from 'node:crypto';
import type { DatasetFile } from '../../shared/bucket-layout.ts';
import { type DatasetInfo, datasetInfoSchema } from '../../shared/manifest.ts';
import type { Dataset } from './dataset.ts';
import { idxFile } from './idx-file.ts';

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
