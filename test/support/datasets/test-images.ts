import { readFile } from 'node:fs/promises';
import { parseIdx } from '../../../shared/idx.ts';
import type { ImageSet } from '../../../trainer/data/dataset.ts';

const folder = new URL('../../fixtures/fashion-mnist-test-100/', import.meta.url);

/** The first 100 test images of Fashion-MNIST. */
export async function firstTestImages(): Promise<ImageSet> {
  const read = async (file: string, dimensions: number) =>
    parseIdx(await readFile(new URL(file, folder)), dimensions).values;
  const labels = await read('test-labels.idx', 1);
  return { images: await read('test-images.idx', 3), labels, count: labels.length };
}
