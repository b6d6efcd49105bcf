/** IDX files as MNIST, EMNIST, torchvision and Kaggle hand them out. Each case with its right value. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cnnFor } from '../../../shared/model/model-spec.ts';
import { type Dataset, InvalidDatasetError } from '../../../trainer/data/dataset.ts';
import { idxFile } from '../../../trainer/data/idx-folder.ts';
import { loadDataset, loadTestSet } from '../../../trainer/data/load-dataset.ts';
import { describeTestSet } from '../../../trainer/registry/test-set.ts';
import { compressedFiles } from '../../support/datasets/fashion-mnist-mirror.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';

type Files = Record<'trainImages' | 'trainLabels' | 'testImages' | 'testLabels', Uint8Array>;

let root: string;
let folder: string;
let plain: Files;
let expected: Dataset;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-idx-'));
  plain = await filesWith((id) => id);
  folder = join(root, 'plain');
  await write(mnistNames(plain));
  expected = await loadDataset({ dataset: folder });
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  folder = join(root, `set-${++made}`);
});

async function filesWith(labelOf: (id: number) => number): Promise<Files> {
  const { images, labels, count } = await firstTestImages();
  const changed = labels.map(labelOf);
  return {
    trainImages: idxFile([count, 28, 28], images),
    trainLabels: idxFile([count], changed),
    testImages: idxFile([count, 28, 28], images),
    testLabels: idxFile([count], changed),
  };
}

const mnistNames = (files: Files, train = 'train', test = 't10k', dot = '-', end = '') => ({
  [`${train}-images${dot}idx3-ubyte${end}`]: files.trainImages,
  [`${train}-labels${dot}idx1-ubyte${end}`]: files.trainLabels,
  [`${test}-images${dot}idx3-ubyte${end}`]: files.testImages,
  [`${test}-labels${dot}idx1-ubyte${end}`]: files.testLabels,
});

async function write(files: Record<string, Uint8Array | string>) {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
}

const inFolder = <Value>(below: string, files: Record<string, Value>) =>
  Object.fromEntries(Object.entries(files).map(([name, value]) => [`${below}/${name}`, value]));

const compressed = (files: Files): Files => ({
  trainImages: gzipSync(files.trainImages),
  trainLabels: gzipSync(files.trainLabels),
  testImages: gzipSync(files.testImages),
  testLabels: gzipSync(files.testLabels),
});

const refusal = async (options = {}): Promise<string> => {
  const error = await loadDataset({ dataset: folder, ...options }).catch((reason) => reason);
  expect(error).toBeInstanceOf(InvalidDatasetError);
  return error.message;
};

describe('IDX files', () => {
  test.each<[string, () => Record<string, Uint8Array>]>([
    ['with a dot in their names, as on Kaggle', () => mnistNames(plain, 'train', 't10k', '.')],
    [
      'each in a folder of its own name, as Kaggle unpacks them',
      () =>
        Object.fromEntries(
          Object.entries(mnistNames(plain)).map(([name, bytes]) => [`${name}/${name}`, bytes]),
        ),
    ],
    ['in MNIST/raw, as torchvision stores them', () => inFolder('MNIST/raw', mnistNames(plain))],
    ['in raw', () => inFolder('raw', mnistNames(plain))],
    ['in capitals', () => mnistNames(plain, 'TRAIN', 'T10K')],
    ["with EMNIST's names", () => mnistNames(plain, 'emnist-digits-train', 'emnist-digits-test')],
    ['as .gz', () => mnistNames(compressed(plain), 'train', 't10k', '-', '.gz')],
    ['compressed without .gz in their names', () => mnistNames(compressed(plain))],
    ['called .gz but uncompressed', () => mnistNames(plain, 'train', 't10k', '.', '.gz')],
    [
      'both as .gz and uncompressed, as torchvision leaves them',
      () =>
        inFolder('MNIST/raw', {
          ...mnistNames(plain),
          ...mnistNames(compressed(plain), 'train', 't10k', '-', '.gz'),
        }),
    ],
  ])('are found %s', async (_, files) => {
    await write(files());
    const { labels, files: hashes, test } = await loadDataset({ dataset: folder });
    expect(hashes).toEqual(expected.files);
    expect(labels).toEqual(expected.labels);
    expect(test.count).toBe(expected.test.count);
  });

  test('of a known data set are found in torchvision’s folders', async () => {
    const files = compressedFiles(await loadDataset());
    await write(inFolder('FashionMNIST/raw', Object.fromEntries(files)));
    const { source, train } = await loadDataset({ dataDir: folder });
    expect(source).toBe(folder);
    expect(train.count).toBe(60_000);
  });

  test('of several data sets are refused', async () => {
    await write({
      ...mnistNames(plain, 'emnist-letters-train', 'emnist-letters-test'),
      ...mnistNames(plain, 'emnist-digits-train', 'emnist-digits-test'),
    });
    expect(await refusal()).toMatch(
      /has the IDX files of several data sets: .*emnist-digits-\*, .*emnist-letters-\*\. Put those of one/,
    );
  });

  test('that are missing are named', async () => {
    const { 't10k-labels-idx1-ubyte': _, ...others } = mnistNames(plain);
    await write(inFolder('MNIST/raw', others as Record<string, Uint8Array>));
    expect(await refusal()).toMatch(/contains neither t10k-labels-idx1-ubyte\.gz nor/);
  });
});

describe("labels that start at 1, as those of EMNIST's letters", () => {
  const letters = async () =>
    write(
      mnistNames(await filesWith((id) => id + 1), 'emnist-letters-train', 'emnist-letters-test'),
    );

  test('are named in the refusal, with the option', async () => {
    await letters();
    expect(await refusal()).toMatch(
      /The labels of .* are 1 to 10, as those of EMNIST's letters are 1 to 26\. Name the first with --label-offset 1\./,
    );
  });

  test('keep their numbers with --label-offset', async () => {
    await letters();
    const dataset = await loadDataset({ dataset: folder, labelOffset: 1 });
    expect(dataset.labels).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    expect(dataset.train.labels).toEqual(expected.train.labels);
    // The bucket's test set has the same hash, so that a version finds it.
    const [, labels] = describeTestSet(dataset).info.files;
    expect(labels?.sha256).toBe(dataset.files['t10k-labels-idx1-ubyte']);
    const spec = cnnFor(dataset);
    const loaded = await loadTestSet(spec, { dataset: folder, labelOffset: 1 });
    expect(loaded.test.labels).toEqual(dataset.test.labels);
  });

  test('have the names of labels.txt', async () => {
    await letters();
    await write({ 'labels.txt': [...'abcdefghij'].join('\n') });
    expect(await refusal()).toMatch(/--label-offset 1/);
    const { labels } = await loadDataset({ dataset: folder, labelOffset: 1 });
    expect(labels).toEqual([...'abcdefghij']);
  });

  test('are refused below the offset', async () => {
    await letters();
    expect(await refusal({ labelOffset: 2 })).toMatch(
      /A label in .* is 1, that of image \d+, but --label-offset says that the first is 2\./,
    );
  });
});

test('--label-offset is only for IDX files', async () => {
  await mkdir(join(folder, 'a'), { recursive: true });
  expect(await refusal({ labelOffset: 1 })).toMatch(/--label-offset is only for a folder of IDX/);
  folder = 'mnist';
  expect(await refusal({ labelOffset: 1 })).toMatch(/and mnist is not one\. Remove it\./);
});
