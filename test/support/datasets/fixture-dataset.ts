import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIdx } from '../../../shared/idx.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import type { Dataset } from '../../../trainer/data/dataset.ts';

const folder = join(import.meta.dirname, '../../fixtures/fashion-mnist-test-100');

/** @returns Fashion-MNIST's first 100 test images, which also serve as training images */
export async function fixtureDataset(): Promise<Dataset> {
  const [images, labels] = await Promise.all([
    readFile(join(folder, 'test-images.idx')),
    readFile(join(folder, 'test-labels.idx')),
  ]);
  const test = {
    images: parseIdx(images, 3).values,
    labels: parseIdx(labels, 1).values,
    count: 100,
  };
  return {
    name: 'fashion-mnist',
    height: 28,
    width: 28,
    labels: fashionMnistCnn.labels,
    fit: 'contain',
    background: { kind: 'isolate' },
    train: test,
    test,
    files: {},
    origin: folder,
    source: folder,
  };
}
