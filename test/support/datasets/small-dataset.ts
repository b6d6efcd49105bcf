import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const images = join(import.meta.dirname, '../../fixtures/fashion-mnist-test-100');

/**
 * Writes a data set of IDX files: the hundred images of test/fixtures/fashion-mnist-test-100, to train on and to test with. That is enough for tests of the training other than its
 * accuracy.
 *
 * @returns its folder, inside the one given
 */
export async function writeSmallDataset(folder: string): Promise<string> {
  const dataset = join(folder, 'hundred');
  await mkdir(dataset);
  for (const part of ['train', 't10k']) {
    await copyFile(join(images, 'test-images.idx'), join(dataset, `${part}-images-idx3-ubyte`));
    await copyFile(join(images, 'test-labels.idx'), join(dataset, `${part}-labels-idx1-ubyte`));
  }
  return dataset;
}
