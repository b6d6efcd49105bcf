import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cnnFor } from '../../../shared/model/model-spec.ts';
import { loadDataset, loadTestSet } from '../../../trainer/data/load-dataset.ts';
import { copyShapes, folder, put, root, whole } from '../../support/datasets/shapes-folder.ts';
import { drawShape } from '../../support/datasets/write-shapes.ts';

describe('the test set of a model', () => {
  const spec = () => cnnFor(whole);
  const loadTest = (dataset: string, dataDir?: string) =>
    loadTestSet(spec(), { dataset, dataDir, onProgress() {} });

  test('is read from the old place of the data set, and only that', async () => {
    await copyShapes();
    await put('train/circle/notes.txt', 'round');
    expect((await loadTest(folder)).test).toEqual(whole.test);
  });

  test('is read from the new place of the data set', async () => {
    await expect(loadTest(join(root, 'moved away'))).rejects.toThrow(
      /The data set of shapes-cnn is not in .*moved away any more\. .* --data-dir/,
    );
    expect((await loadTest(join(root, 'moved away'), join(root, 'shapes'))).test).toEqual(
      whole.test,
    );
  });

  test('may be other images of some of its labels', async () => {
    await put('test/square/a.png', drawShape('square', 'new/a'));
    await put('test/triangle/b.png', drawShape('triangle', 'new/b'));
    const { labels, test } = await loadTest(join(root, 'shapes'), folder);
    expect(labels).toEqual(whole.labels);
    expect([...test.labels]).toEqual([1, 2]);
  });

  test('is the same fifth of a folder without test/', async () => {
    await cp(join(root, 'shapes/train'), folder, { recursive: true });
    const { test } = await loadDataset({ dataset: folder, onProgress() {} });
    expect((await loadTest(join(root, 'gone'), folder)).test).toEqual(test);
  });

  test('is refused with a label that the model lacks', async () => {
    await put('test/oval/a.png', drawShape('circle', 'new/a'));
    await expect(loadTest('anywhere', folder)).rejects.toThrow(
      /has labels that the model shapes-cnn does not have: oval\./,
    );
  });

  test('is refused without an image', async () => {
    await mkdir(join(folder, 'test/circle'), { recursive: true });
    await expect(loadTest('anywhere', folder)).rejects.toThrow(/has no test image/);
  });
});
