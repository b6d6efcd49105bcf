import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseIdx } from '../../../shared/idx.ts';
import type { CorpusFile } from './corpus-file.ts';
import { encodeInJavaScript } from './encode-in-javascript.ts';
import { readCorpus } from './encode-with-pillow.ts';
import { packCorpus } from './pack-corpus.ts';

const folder = new URL('../../fixtures/build/', import.meta.url);
const testImages = new URL(
  '../../fixtures/fashion-mnist-test-100/test-images.idx',
  import.meta.url,
);

/** Every n-th image per kind: four. */
const every = 25;

/** Writes the image corpus for the tests inside workerd as one file: Pillow's images as committed, the others encoded now. */
export default async function writeCorpus(): Promise<void> {
  await mkdir(folder, { recursive: true });
  const images = parseIdx(await readFile(testImages), 3).values;
  const files: CorpusFile[] = [];
  const committed = fileURLToPath(new URL('../../fixtures/image-corpus', import.meta.url));
  for await (const file of readCorpus(committed)) files.push(file);
  for await (const file of encodeInJavaScript({ images, every })) files.push(file);
  await writeFile(new URL('image-corpus.bin', folder), packCorpus(files));
}
