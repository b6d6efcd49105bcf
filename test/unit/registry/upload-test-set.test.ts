import { expect, test } from 'vitest';
import { knownDatasets } from '../../../trainer/data/known-datasets.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { uploadTestSet } from '../../../trainer/registry/test-set.ts';
import { openLocalBucket, recordWrites } from '../../support/s3/local-bucket.ts';

test('uploads the test set once, its description last', async () => {
  const dataset = await loadDataset();
  const { bucket, written } = recordWrites(openLocalBucket());
  expect(await uploadTestSet(bucket, dataset)).toBe('uploaded');
  const keys = (['test-images.idx', 'test-labels.idx', 'dataset.json'] as const).map((file) =>
    bucket.layout.datasetFile('fashion-mnist', file),
  );
  expect(written).toEqual(keys);
  const images = await bucket.get(keys[0] as string);
  expect(images?.bytes.byteLength).toBe(knownDatasets['fashion-mnist'].files.testImages.bytes);

  expect(await uploadTestSet(bucket, dataset)).toBe('unchanged');
  expect(written).toHaveLength(3);

  const renamed = { ...dataset, labels: dataset.labels.map((label) => label.toUpperCase()) };
  expect(await uploadTestSet(bucket, renamed)).toBe('uploaded');
});
