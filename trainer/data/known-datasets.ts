import { basename, resolve } from 'node:path';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { BadDatasetError } from './errors.ts';

/** An IDX file of a data set, known by its bytes. */
export interface KnownFile {
  /** Without `.gz`. */
  name: string;
  /** Of the uncompressed file. */
  bytes: number;
  /** Of the uncompressed file: the same images are published in several gzip encodings. */
  sha256?: string;
  /** Of the `.gz`, where that is all that is published: the file itself is then known by its IDX header alone. */
  gzipSha256?: string;
}

/** What is known of a data set before it is fetched. */
export interface KnownDataset {
  name: string;
  height: number;
  width: number;
  labels: readonly string[];
  files: Record<DatasetPart, KnownFile>;
  /** URLs of folders that hold the files as `.gz`; each ends with '/'. Plain HTTP is enough: the hash decides. */
  mirrors: readonly string[];
  /** A Debian or Ubuntu package, and the folder that it puts the files into. */
  debian?: { package: string; folder: string };
}

export type DatasetPart = 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels';

const fashionMnist = {
  name: 'fashion-mnist',
  height: 28,
  width: 28,
  labels: fashionMnistCnn.labels,
  files: {
    trainImages: {
      name: 'train-images-idx3-ubyte',
      bytes: 47_040_016,
      sha256: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    },
    trainLabels: {
      name: 'train-labels-idx1-ubyte',
      bytes: 60_008,
      sha256: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    },
    testImages: {
      name: 't10k-images-idx3-ubyte',
      bytes: 7_840_016,
      sha256: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    },
    testLabels: {
      name: 't10k-labels-idx1-ubyte',
      bytes: 10_008,
      sha256: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    },
  },
  mirrors: [
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
  ],
  debian: { package: 'dataset-fashion-mnist', folder: '/usr/share/datasets/fashion-mnist' },
} satisfies KnownDataset;

/** Handwritten digits, by Yann LeCun, Corinna Cortes and Christopher Burges. */
const mnist = {
  name: 'mnist',
  height: 28,
  width: 28,
  labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  files: {
    trainImages: {
      name: 'train-images-idx3-ubyte',
      bytes: 47_040_016,
      sha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    },
    trainLabels: {
      name: 'train-labels-idx1-ubyte',
      bytes: 60_008,
      sha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    },
    testImages: {
      name: 't10k-images-idx3-ubyte',
      bytes: 7_840_016,
      sha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    },
    testLabels: {
      name: 't10k-labels-idx1-ubyte',
      bytes: 10_008,
      sha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    },
  },
  mirrors: [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
  ],
} satisfies KnownDataset;

/** Kuzushiji-MNIST, cursive Japanese characters, by the Center for Open Data in the Humanities (CC BY-SA 4.0). */
const kmnist = {
  name: 'kmnist',
  height: 28,
  width: 28,
  labels: ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'],
  // The hashes in TensorFlow Datasets and torchvision are of the compressed files.
  files: {
    trainImages: {
      name: 'train-images-idx3-ubyte',
      bytes: 47_040_016,
      gzipSha256: '51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4',
    },
    trainLabels: {
      name: 'train-labels-idx1-ubyte',
      bytes: 60_008,
      gzipSha256: 'e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17',
    },
    testImages: {
      name: 't10k-images-idx3-ubyte',
      bytes: 7_840_016,
      gzipSha256: 'edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5',
    },
    testLabels: {
      name: 't10k-labels-idx1-ubyte',
      bytes: 10_008,
      gzipSha256: '20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c',
    },
  },
  mirrors: ['http://codh.rois.ac.jp/kmnist/dataset/kmnist/'],
} satisfies KnownDataset;

export const knownDatasets = {
  'fashion-mnist': fashionMnist,
  mnist,
  kmnist,
} satisfies Record<string, KnownDataset>;

export type DatasetName = keyof typeof knownDatasets;

export const isKnownDataset = (name: string): name is DatasetName =>
  Object.hasOwn(knownDatasets, name);

/** `<name>-cnn` is the model's name, which has 64 characters at most. */
const longestName = 60;

/**
 * The name of what `--dataset` names: a known data set's own, or a folder's in lower case, with dashes.
 *
 * @throws {BadDatasetError} where the folder's name has no letter or digit
 */
export function datasetName(dataset: string): string {
  if (isKnownDataset(dataset)) return dataset;
  const name = basename(resolve(dataset))
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, longestName)
    .replace(/^-+|-+$/g, '');
  if (name !== '') return name;
  throw new BadDatasetError(
    `${dataset} gives a data set no name: give the folder a name with letters a to z or digits.`,
  );
}
