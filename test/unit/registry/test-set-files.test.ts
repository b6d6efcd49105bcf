import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseIdx } from '../../../shared/idx.ts';
import { datasetInfoSchema } from '../../../shared/registry/manifest.ts';
import { knownDatasets } from '../../../trainer/data/known-datasets.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { describeTestSet } from '../../../trainer/registry/test-set.ts';

test('uploads the test set byte for byte as it was published', async () => {
  const dataset = await loadDataset();
  const { info, files } = describeTestSet(dataset);
  const written = JSON.parse(new TextDecoder().decode(files['dataset.json']));
  expect(datasetInfoSchema.parse(written)).toEqual(info);
  const { testImages, testLabels } = knownDatasets['fashion-mnist'].files;
  expect(info).toMatchObject({ name: 'fashion-mnist', images: 10_000, height: 28, width: 28 });
  expect(info.labels[9]).toBe('Ankle boot');
  expect(info.files).toEqual([
    { path: 'test-images.idx', bytes: testImages.bytes, sha256: testImages.sha256 },
    { path: 'test-labels.idx', bytes: testLabels.bytes, sha256: testLabels.sha256 },
  ]);
  expect(info.chunks).toMatchObject({ images: 100, sha256: { length: 100 } });
  const last = files['test-images.idx'].subarray(-78_400);
  expect(info.chunks?.sha256[99]).toBe(hash('sha256', last));
  expect(parseIdx(files['test-images.idx'], 3).dimensions).toEqual([10_000, 28, 28]);
  expect(parseIdx(files['test-labels.idx'], 1).values[0]).toBe(9);
});
