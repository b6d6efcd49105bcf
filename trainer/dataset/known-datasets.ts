import { fashionMnistCnn } from '../../shared/model-spec.ts';

/** An IDX file of a data set, known by the bytes that it unpacks to. */
export interface KnownFile {
  /** Without `.gz`. */
  name: string;
  /** Of the uncompressed file. */
  bytes: number;
  /** Of the uncompressed file. */
  sha256: string;
}

/** What is known of a data set before it is fetched. */
export interface KnownDataset {
  name: string;
  height: number;
  width: number;
  labels: readonly string[];
  files: Record<DatasetPart, KnownFile>;
  /** URLs of folders that hold the files as `.gz`. Plain HTTP is enough: the hash decides. */
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

export const knownDatasets = { 'fashion-mnist': fashionMnist } satisfies Record<
  string,
  KnownDataset
>;

export type DatasetName = keyof typeof knownDatasets;
