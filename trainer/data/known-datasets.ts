import { basename, resolve } from 'node:path';
import { type Background, fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { InvalidDatasetError } from './dataset.ts';

export type DatasetPart = 'trainImages' | 'trainLabels' | 'testImages' | 'testLabels';

/** The file names of MNIST, which every IDX data set uses. */
export const idxFileNames: Record<DatasetPart, string> = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
};

/** An IDX file whose content is known before it is fetched. */
export interface KnownFile {
  /** Without `.gz`. */
  name: string;
  /** Length of the uncompressed file. */
  bytes: number;
  sha256: string;
  /**
   * The form of the file that `sha256` is the hash of. The uncompressed file is better, because the same images are published in several gzip
   * encodings. If only the hash of the `.gz` is known, an uncompressed file is checked by its IDX header only.
   */
  hashedForm: 'uncompressed' | 'compressed';
}

/** A package of Debian or Ubuntu with the files of a data set. */
export interface DebianPackage {
  package: string;
  /** The folder that the package installs the files into, from the root. */
  folder: string;
}

/** A data set that is loaded by its name. */
export interface KnownDataset {
  name: string;
  height: number;
  width: number;
  labels: readonly string[];
  /** The treatment of the background of pictures that are not from the data set. */
  background: Background;
  files: Record<DatasetPart, KnownFile>;
  /** URLs of folders with the files as `.gz`, each ending with '/'. Plain HTTP is safe: the hashes are checked. */
  mirrors: readonly string[];
  debian?: DebianPackage;
}

/** The size of MNIST's images, training set and test set, which its successors share. */
const mnistShape = { height: 28, width: 28 };
const mnistBytes: Record<DatasetPart, number> = {
  trainImages: 47_040_016,
  trainLabels: 60_008,
  testImages: 7_840_016,
  testLabels: 10_008,
};

/** @param hashes SHA-256 of the files in the given form */
function mnistFiles(hashedForm: KnownFile['hashedForm'], hashes: Record<DatasetPart, string>) {
  const parts = Object.keys(idxFileNames) as DatasetPart[];
  const entries = parts.map((part): [DatasetPart, KnownFile] => [
    part,
    { name: idxFileNames[part], bytes: mnistBytes[part], sha256: hashes[part], hashedForm },
  ]);
  return Object.fromEntries(entries) as Record<DatasetPart, KnownFile>;
}

const fashionMnist = {
  name: 'fashion-mnist',
  ...mnistShape,
  labels: fashionMnistCnn.labels,
  background: { kind: 'isolate' },
  files: mnistFiles('uncompressed', {
    trainImages: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    trainLabels: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    testImages: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    testLabels: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
  }),
  mirrors: [
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
  ],
  debian: { package: 'dataset-fashion-mnist', folder: '/usr/share/datasets/fashion-mnist' },
} satisfies KnownDataset;

/** Handwritten digits, by Yann LeCun, Corinna Cortes and Christopher Burges. */
const mnist = {
  name: 'mnist',
  ...mnistShape,
  labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  background: { kind: 'invert' },
  files: mnistFiles('uncompressed', {
    trainImages: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    trainLabels: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    testImages: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    testLabels: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  }),
  mirrors: [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
  ],
} satisfies KnownDataset;

/** Kuzushiji-MNIST, cursive Japanese characters, by the Center for Open Data in the Humanities (CC BY-SA 4.0). */
const kmnist = {
  name: 'kmnist',
  ...mnistShape,
  labels: ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'],
  background: { kind: 'invert' },
  // From TensorFlow Datasets and torchvision.
  files: mnistFiles('compressed', {
    trainImages: '51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4',
    trainLabels: 'e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17',
    testImages: 'edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5',
    testLabels: '20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c',
  }),
  mirrors: ['http://codh.rois.ac.jp/kmnist/dataset/kmnist/'],
} satisfies KnownDataset;

export const knownDatasets = {
  'fashion-mnist': fashionMnist,
  mnist,
  kmnist,
} satisfies Record<string, KnownDataset>;

export const isKnownDataset = (name: string): name is keyof typeof knownDatasets =>
  Object.hasOwn(knownDatasets, name);

/** Whether a mirrored image shows the same thing: garments do, and pictures in colour. Grey images may be digits, letters or signs. */
export const canMirror = ({ name, channels }: { name: string; channels?: number | undefined }) =>
  name === fashionMnist.name || channels === 3;

/** Returns the background of a known data set's pictures, also of one that is a folder with its name. */
export const knownBackground = (name: string): Background | undefined =>
  isKnownDataset(name) ? knownDatasets[name].background : undefined;

/** The model is named `<name>-cnn`, and a model's name has at most 64 characters. */
const maxNameLength = 60;

/**
 * Returns the name of the data set that `--dataset` selects: a known data set's own, or the folder's in lower case with
 * dashes.
 *
 * @throws {InvalidDatasetError} if the folder's name has no letter a to z and no digit
 */
export function datasetName(dataset: string): string {
  if (isKnownDataset(dataset)) return dataset;
  const name = basename(resolve(dataset))
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, maxNameLength)
    .replace(/^-+|-+$/g, '');
  if (name !== '') return name;
  throw new InvalidDatasetError(
    `The data set can't be named after its folder ${dataset}. Rename the folder with letters a to z or digits.`,
  );
}
