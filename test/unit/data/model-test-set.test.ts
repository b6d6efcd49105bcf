import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cnnFor } from '../../../shared/model/model-spec.ts';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import { loadDataset, loadTestSet } from '../../../trainer/data/load-dataset.ts';
import { drawShape, writeShapes } from '../../support/datasets/write-shapes.ts';

let root: string;
let folder: string;
let whole: Dataset;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-test-set-'));
  await writeShapes(join(root, 'shapes'), { train: 5, validation: 2, test: 3 });
  whole = await loadDataset({ dataset: join(root, 'shapes') });
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  folder = join(root, `set ${++made}`);
});

const copyShapes = () => cp(join(root, 'shapes'), folder, { recursive: true });

async function put(path: string, content: string | Uint8Array) {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

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
