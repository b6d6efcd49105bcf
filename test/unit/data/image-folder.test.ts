import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readImage } from '../../../shared/image/model-input.ts';
import { InvalidDatasetError } from '../../../trainer/data/dataset.ts';
import { idxFile } from '../../../trainer/data/idx-folder.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { datasetName } from '../../../trainer/data/known-datasets.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { describeTestSet } from '../../../trainer/registry/test-set.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';
import { drawShape, writeShapes } from '../../support/datasets/write-shapes.ts';

const run = promisify(execFile);

let root: string;
let folder: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-folder-'));
  await writeShapes(join(root, 'shapes'), { train: 4, test: 2 });
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  folder = join(root, `set ${++made}`);
});

const refusal = async (dataset: string): Promise<string> => {
  const error = await loadDataset({ dataset }).catch((reason) => reason);
  expect(error).toBeInstanceOf(InvalidDatasetError);
  return error.message;
};

describe('a folder of images', () => {
  test("uses the sorted folder names as labels, and the Worker's decoding of each image", async () => {
    const dataset = await loadDataset({ dataset: join(root, 'shapes') });
    expect(dataset).toMatchObject({
      name: 'shapes',
      height: 28,
      width: 28,
      labels: ['circle', 'square', 'triangle'],
      fit: 'contain',
      background: { kind: 'invert' },
      origin: join(root, 'shapes'),
    });
    expect(dataset.train.count).toBe(12);
    // The labels alternate.
    expect([...dataset.train.labels]).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect([...dataset.test.labels]).toEqual([0, 1, 2, 0, 1, 2]);
    const { pixels } = await readImage(drawShape('square', 'train/0'), {
      height: 28,
      width: 28,
      ...imageDecoders,
    });
    expect(dataset.train.images.slice(784, 2 * 784)).toEqual(pixels);
    const { files } = describeTestSet(dataset).info;
    expect(files[0]?.sha256).toBe(dataset.files['test-images.idx']);
  });

  test('splits unequal labels into proportional parts', async () => {
    await cp(join(root, 'shapes'), folder, { recursive: true });
    for (let i = 4; i < 12; i++) {
      await writeFile(join(folder, `train/square/${i}.png`), drawShape('square', `${i}`));
    }
    const { train } = await loadDataset({ dataset: folder });
    expect([...train.labels.subarray(0, 10)].filter((label) => label !== 1)).toHaveLength(4);
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'a file that is no image, and one cut short',
      async () => {
        await writeFile(join(folder, 'train/circle/notes.txt'), 'round');
        await writeFile(
          join(folder, 'test/square/0.png'),
          drawShape('square', '').subarray(0, 900),
        );
      },
      /^2 of the files in .*\n {2}- .*train\/circle\/notes.txt: This is not an image.*\n {2}- .*test\/square\/0\.png: .*\nNext: replace or remove them, or leave them out with --skip-unreadable\.$/,
    ],
    [
      'a label without images',
      () => mkdir(join(folder, 'train/hexagon')),
      /has no training image of: hexagon\./,
    ],
    [
      'a label in test that train lacks',
      () => cp(join(folder, 'test/circle'), join(folder, 'test/oval'), { recursive: true }),
      /test has labels that .*train does not have: oval\./,
    ],
    [
      'one label only',
      async () => {
        for (const part of ['train', 'test']) {
          for (const shape of ['circle', 'square']) {
            await rm(join(folder, part, shape), { recursive: true });
          }
        }
      },
      /has only one label, triangle/,
    ],
    [
      'no test image',
      async () => {
        await rm(join(folder, 'test'), { recursive: true });
        await mkdir(join(folder, 'test'));
      },
      /has no test image/,
    ],
    [
      'an image beside the folders',
      () => writeFile(join(folder, 'train/stray.png'), drawShape('circle', '')),
      /train\/stray\.png is not in the folder of a label/,
    ],
    [
      'no train',
      () => rm(join(folder, 'train'), { recursive: true }),
      /has test\/, but no train\/ with the images to train on/,
    ],
    [
      'a pipe among the images',
      () => run('mkfifo', [join(folder, 'train/circle/pipe.png')]),
      /train\/circle\/pipe\.png: it is not a regular file/,
    ],
    [
      'a link to a device without an end',
      () => symlink('/dev/zero', join(folder, 'test/circle/zero.png')),
      /test\/circle\/zero\.png: it is not a regular file/,
    ],
    [
      'a file that is too large',
      async () => {
        const path = join(folder, 'train/circle/large.png');
        await writeFile(path, '');
        await truncate(path, 2 ** 33);
      },
      /large\.png: it has 8589934592 bytes; the maximum is 67108864/,
    ],
  ])('is refused with the reason if it has %s', async (_, change, message) => {
    await cp(join(root, 'shapes'), folder, { recursive: true });
    await change();
    expect(await refusal(folder)).toMatch(message);
  });
});

describe('a folder of IDX files', () => {
  async function writeIdx(changes: Record<string, Uint8Array | null> = {}) {
    const { images, labels, count } = await firstTestImages();
    const files: Record<string, Uint8Array | null> = {
      'train-images-idx3-ubyte.gz': gzipSync(idxFile([count, 28, 28], images)),
      'train-labels-idx1-ubyte': idxFile([count], labels),
      't10k-images-idx3-ubyte': idxFile([count, 28, 28], images),
      't10k-labels-idx1-ubyte.gz': gzipSync(idxFile([count], labels)),
      ...changes,
    };
    await mkdir(folder);
    for (const [name, bytes] of Object.entries(files)) {
      if (bytes) await writeFile(join(folder, name), bytes);
    }
  }

  test.each(['t10k-images-idx3-ubyte', 'labels.txt'])('refuses a pipe as %s', async (name) => {
    await writeIdx();
    await rm(join(folder, name), { force: true });
    await run('mkfifo', [join(folder, name)]);
    expect(await refusal(folder)).toContain('it is not a regular file');
  });

  test('uses the numbers as labels', async () => {
    await writeIdx();
    const dataset = await loadDataset({ dataset: folder });
    expect(dataset.labels).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(dataset.train.images).toEqual((await firstTestImages()).images);
    expect(dataset.files['t10k-labels-idx1-ubyte']).toMatch(/^[0-9a-f]{64}$/);
  });

  test('uses the lines of labels.txt as labels', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'Ankle boot'];
    await writeIdx({ 'labels.txt': Buffer.from(`${names.join('\r\n')}\n`) });
    expect((await loadDataset({ dataset: folder })).labels).toEqual(names);
  });

  const text = (value: string) => Buffer.from(value);
  test.each<[string, Record<string, Uint8Array | null>, RegExp]>([
    [
      'without a file',
      { 't10k-images-idx3-ubyte': null },
      /neither t10k-images-idx3-ubyte\.gz nor/,
    ],
    [
      'with a file cut short',
      { 'train-labels-idx1-ubyte': idxFile([100], new Uint8Array(99)) },
      /train-labels-idx1-ubyte is not a complete IDX file/,
    ],
    [
      'with a damaged .gz',
      { 'train-images-idx3-ubyte.gz': gzipSync(text('images')).subarray(0, 15) },
      /train-images-idx3-ubyte\.gz is not a complete IDX file/,
    ],
    [
      'of another size',
      { 't10k-images-idx3-ubyte': idxFile([100, 32, 32], new Uint8Array(102_400)) },
      /The test images are 32x32, expected 28x28/,
    ],
    [
      'with a label named twice',
      { 'labels.txt': text('a\nb\na\n') },
      /labels\.txt:3 is empty or repeats a label/,
    ],
    ['with too few names', { 'labels.txt': text('a\nb\n') }, /ids go from 0 to 1/],
    [
      'with labels that no image has',
      { 'labels.txt': text([...'abcdefghijk'].join('\n')) },
      /no training image of: k\./,
    ],
  ])('%s is refused with the reason', async (_, changes, message) => {
    await writeIdx(changes);
    expect(await refusal(folder)).toMatch(message);
  });
});

test('refuses a name that is neither known nor a folder, and lists the known ones', async () => {
  expect(await refusal(join(root, 'nothing'))).toMatch(
    /There is no data set .*nothing: it is neither one of fashion-mnist, mnist, kmnist nor a folder/,
  );
  await mkdir(folder);
  expect(await refusal(folder)).toMatch(
    /is not a data set\. Put a folder of images for every label into it/,
  );
});

test.each([
  ['kmnist', 'kmnist'],
  ['./My Photos (2026)/', 'my-photos-2026'],
  ['données', 'donnees'],
])('%s is called %s', (dataset, name) => {
  expect(datasetName(dataset)).toBe(name);
});

test('refuses a folder whose name gives no data set name', () => {
  expect(() => datasetName('/tmp/写真')).toThrow(/can't be named after its folder/);
});
