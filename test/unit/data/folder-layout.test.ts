/** Image folders as people have them: other names, other depths, clutter, no split. Each case with its right value. */
import { cp, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Dataset, InvalidDatasetError } from '../../../trainer/data/dataset.ts';
import { countsPerLabel } from '../../../trainer/data/folder-report.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { copyShapes, folder, put, root, whole } from '../../support/datasets/shapes-folder.ts';
import { drawShape, shapes } from '../../support/datasets/write-shapes.ts';

const sizes = ({ train, validation, test }: Dataset) => [
  train.count,
  validation?.count ?? null,
  test.count,
];

async function load(options = {}) {
  const messages: string[] = [];
  const onProgress = (message: string) => messages.push(message);
  const dataset = await loadDataset({ dataset: folder, onProgress, ...options });
  return { dataset, messages };
}

const refusal = async (): Promise<string> => {
  const error = await loadDataset({ dataset: folder }).catch((reason) => reason);
  expect(error).toBeInstanceOf(InvalidDatasetError);
  return error.message;
};

describe('the folders of the parts', () => {
  test('have the names train, validation and test', () => {
    expect(sizes(whole)).toEqual([15, 6, 9]);
    expect(whole.labels).toEqual(['circle', 'square', 'triangle']);
    expect(whole.folder).toMatchObject({ split: 'folders', skipped: [], duplicates: [] });
    expect(Object.keys(whole.files)).toEqual([
      'train-images.idx',
      'train-labels.idx',
      'validation-images.idx',
      'validation-labels.idx',
      'test-images.idx',
      'test-labels.idx',
    ]);
  });

  test.each([
    ['Train', 'Val', 'Test'],
    ['TRAIN', 'valid', 'TEST'],
    ['Training', 'VALIDATION', 'Testing'],
  ])('may be called %s, %s and %s', async (train, validation, test) => {
    await copyShapes();
    for (const [from, to] of Object.entries({ train, validation, test })) {
      await rename(join(folder, from), join(folder, `${from}-`));
      await rename(join(folder, `${from}-`), join(folder, to));
    }
    expect((await load()).dataset.files).toEqual(whole.files);
  });

  test('may lie beside other files and folders', async () => {
    await copyShapes();
    await put('README.md', '# Shapes');
    await put('train/labels.csv', 'file,label');
    await put('models/old.bin', 'x');
    expect((await load()).dataset.files).toEqual(whole.files);
  });

  test('may not be two for the same part', async () => {
    await copyShapes();
    await cp(join(folder, 'validation'), join(folder, 'Val'), { recursive: true });
    expect(await refusal()).toMatch(/Val and .*validation are both the validation images/);
  });
});

describe('without test/', () => {
  async function writeUnsplit(target: string, nameOf: (i: number) => string) {
    for (const shape of shapes) {
      await mkdir(join(target, shape), { recursive: true });
      for (let i = 0; i < (shape === 'circle' ? 20 : 10); i++) {
        await writeFile(join(target, shape, nameOf(i)), drawShape(shape, `one/${i}`));
      }
    }
  }

  test('a fifth of each label is the test set, and that is reported', async () => {
    await writeUnsplit(folder, (i) => `${i}.png`);
    const { dataset, messages } = await load();
    expect(countsPerLabel(dataset)).toEqual([
      { label: 'circle', train: 16, validation: 0, test: 4 },
      { label: 'square', train: 8, validation: 0, test: 2 },
      { label: 'triangle', train: 8, validation: 0, test: 2 },
    ]);
    expect(dataset.folder?.split).toBe('content');
    expect(messages).toEqual([
      `${folder} has no test/. A fifth of each label's images, chosen by their content, are the test set: 8 of 40.`,
      expect.stringMatching(/^Labels with few training images: circle 16, square 8, triangle 8\./),
    ]);
  });

  test('the split depends on neither names nor order', async () => {
    await writeUnsplit(folder, (i) => `${i}.png`);
    const other = `${folder} moved`;
    await writeUnsplit(other, (i) => `IMG_${97 * (i + 1)}.PNG`);
    const rows = ({ images }: Dataset['test']) =>
      Array.from({ length: images.length / 784 }, (_, i) =>
        Buffer.from(images.slice(784 * i, 784 * (i + 1))).toString('hex'),
      ).sort();
    const moved = await loadDataset({ dataset: other });
    const { dataset } = await load();
    expect(rows(moved.test)).toEqual(rows(dataset.test));
    expect(rows(moved.train)).toEqual(rows(dataset.train));
  });

  test('copies of an image are on the same side', async () => {
    for (const shape of ['circle', 'square'] as const) {
      for (let i = 0; i < 30; i++) {
        await put(`${shape}/${i}.png`, drawShape(shape, `copies/${i % 6}`));
      }
    }
    const { dataset } = await load();
    expect(dataset.folder?.duplicates).toEqual([]);
    expect(dataset.test.count).toBeGreaterThanOrEqual(10);
    expect(dataset.train.count).toBe(60 - dataset.test.count);
  });

  test('train/ is split, and validation/ stays', async () => {
    await copyShapes();
    await rm(join(folder, 'test'), { recursive: true });
    const { dataset } = await load();
    expect(sizes(dataset)).toEqual([12, 6, 3]);
  });

  test('a folder around the data set is named', async () => {
    await cp(join(root, 'shapes'), join(folder, 'archive'), { recursive: true });
    expect(await refusal()).toMatch(/Did you mean .*archive\?/);
  });
});

describe('the files of a label', () => {
  test('may be in nested folders', async () => {
    await copyShapes();
    await rename(join(folder, 'train/circle'), join(folder, 'old'));
    await mkdir(join(folder, 'train/circle/2024/May'), { recursive: true });
    for (const name of await readdir(join(folder, 'old'))) {
      await rename(join(folder, 'old', name), join(folder, 'train/circle/2024/May', name));
    }
    await rm(join(folder, 'old'), { recursive: true });
    expect((await load()).dataset.files).toEqual(whole.files);
  });

  test('may lie among what other programs leave behind', async () => {
    await copyShapes();
    for (const name of [
      'train/.DS_Store',
      'train/circle/Thumbs.db',
      'train/circle/thumbs.db',
      'train/square/DESKTOP.INI',
      'test/circle/._0.png',
      'train/__MACOSX/circle/._0.png',
      'test/__macosx/0.png',
      'train/.ipynb_checkpoints/0.png',
      'validation/circle/.ipynb_checkpoints/0-checkpoint.png',
      '__MACOSX/train/circle/._0.png',
    ]) {
      await put(name, 'x');
    }
    expect((await load()).dataset.files).toEqual(whole.files);
  });

  test('that are no images are left out with skipUnreadable, counted and named', async () => {
    await copyShapes();
    await put('train/circle/notes.txt', 'round');
    await put('test/square/0.jpg', drawShape('square', '').subarray(0, 900));
    const { dataset, messages } = await load({ skipUnreadable: true });
    expect(dataset.files).toEqual(whole.files);
    expect(dataset.folder?.skipped.map(({ path }) => path)).toEqual([
      join(folder, 'train/circle/notes.txt'),
      join(folder, 'test/square/0.jpg'),
    ]);
    expect(messages.join()).toMatch(
      /^Skipped 2 files that can't be read as images:\n {2}- .*notes\.txt: This is not an image.*\n {2}- .*0\.jpg: /,
    );
  });

  test('are refused if skipping leaves a label without images', async () => {
    await copyShapes();
    for (let i = 0; i < 5; i++) await put(`train/circle/${i}.png`, 'x');
    const loading = loadDataset({ dataset: folder, skipUnreadable: true });
    await expect(loading).rejects.toThrow(/has no training image of: circle\./);
  });

  test('may not be in a folder that is in itself', async () => {
    await copyShapes();
    await symlink(join(folder, 'train'), join(folder, 'train/circle/again'));
    expect(await refusal()).toMatch(/circle\/again\S* is a link to a folder that it is in/);
  });

  test('may not be nested without end', async () => {
    await copyShapes();
    await put(`train/circle/${'deeper/'.repeat(20)}0.png`, drawShape('circle', ''));
    expect(await refusal()).toMatch(/is more than 16 folders below .*train\/circle\. Move/);
  });

  test('may be behind a link, which may be broken', async () => {
    await copyShapes();
    await rename(join(folder, 'train/circle'), join(folder, 'elsewhere'));
    await symlink('../elsewhere', join(folder, 'train/circle'));
    expect((await load()).dataset.files).toEqual(whole.files);
    await symlink('../../nowhere.png', join(folder, 'elsewhere/link.png'));
    expect(await refusal()).toMatch(/circle\/link\.png: ENOENT/);
  });
});

test('images in two parts of the data set are named', async () => {
  await copyShapes();
  await put('test/circle/copy.png', drawShape('circle', 'train/3'));
  await put('validation/square/copy.png', drawShape('square', 'train/0'));
  const { dataset, messages } = await load();
  expect(dataset.folder?.duplicates).toEqual([
    {
      part: 'validation',
      path: join(folder, 'validation/square/copy.png'),
      sameAs: join(folder, 'train/square/0.png'),
    },
    {
      part: 'test',
      path: join(folder, 'test/circle/copy.png'),
      sameAs: join(folder, 'train/circle/3.png'),
    },
  ]);
  expect(messages.join()).toMatch(/^2 images are in two parts of the data set\..*copy\.png is /s);
});

test('unequal labels are reported', async () => {
  await copyShapes();
  for (let i = 5; i < 20; i++) await put(`train/square/${i}.png`, drawShape('square', `more/${i}`));
  expect((await load()).messages.join()).toMatch(
    /unequal numbers of training images: square 20, triangle 5/,
  );
});
