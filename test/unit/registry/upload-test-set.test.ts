import { expect, test } from 'vitest';
import { knownDatasets } from '../../../trainer/data/known-datasets.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import {
  describeTestSet,
  storeTestSet,
  uploadTestSet,
} from '../../../trainer/registry/test-set.ts';
import { openLocalBucket, recordWrites } from '../../support/s3/local-bucket.ts';

const files = ['test-images.idx', 'test-labels.idx', 'dataset.json'] as const;

test('uploads the test set once, into the folder of its content, the served description last', async () => {
  const dataset = await loadDataset();
  const { bucket, written } = recordWrites(openLocalBucket());
  expect(await uploadTestSet(bucket, dataset)).toBe('uploaded');
  const { hash } = describeTestSet(dataset).info;
  const keys = files.map((file) => bucket.layout.datasetFile('fashion-mnist', file, hash));
  const served = bucket.layout.datasetFile('fashion-mnist', 'dataset.json');
  expect(written).toEqual([...keys, served]);
  expect(keys[0]).toContain(`datasets/fashion-mnist/${hash}/test-images.idx`);
  const images = await bucket.get(keys[0] as string);
  expect(images?.bytes.byteLength).toBe(knownDatasets['fashion-mnist'].files.testImages.bytes);

  expect(await uploadTestSet(bucket, dataset)).toBe('unchanged');
  expect(written).toHaveLength(4);
});

test('repairs a corrupt file, and nothing else', async () => {
  const dataset = await loadDataset();
  const { bucket, written } = recordWrites(openLocalBucket());
  await uploadTestSet(bucket, dataset);
  const { hash } = describeTestSet(dataset).info;
  const key = bucket.layout.datasetFile('fashion-mnist', 'test-labels.idx', hash);
  await bucket.put(key, Buffer.from('x'), { contentType: 'text/plain' });
  written.length = 0;
  expect(await uploadTestSet(bucket, dataset)).toBe('unchanged');
  expect(written).toEqual([key]);
});

test('gives other labels a folder of their own, and leaves the served test set as it is', async () => {
  const dataset = await loadDataset();
  const { bucket, written } = recordWrites(openLocalBucket());
  await uploadTestSet(bucket, dataset);
  const served = bucket.layout.datasetFile('fashion-mnist', 'dataset.json');
  const before = await bucket.get(served);
  written.length = 0;
  const renamed = { ...dataset, labels: dataset.labels.map((label) => label.toUpperCase()) };
  await storeTestSet(bucket, renamed);
  const { hash } = describeTestSet(renamed).info;
  const keys = files.map((file) => bucket.layout.datasetFile('fashion-mnist', file, hash));
  expect(written).toEqual(keys);
  expect(await bucket.get(served)).toEqual(before);
});
