import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIdx } from '../../shared/idx.ts';
import type { CorpusFile } from '../support/corpus/corpus-file.ts';
import { encodeInJavaScript } from '../support/corpus/encode-in-javascript.ts';
import { readCorpus } from '../support/corpus/encode-with-pillow.ts';

const fixtures = join(import.meta.dirname, '../fixtures');

/** @returns the fixture's test images, 784 bytes each, and the corpus of files made from them */
export async function readMaterial() {
  const path = join(fixtures, 'fashion-mnist-test-100/test-images.idx');
  const pixels = parseIdx(await readFile(path), 3).values;
  const corpus: CorpusFile[] = [];
  for await (const file of readCorpus(join(fixtures, 'image-corpus'))) corpus.push(file);
  for await (const file of encodeInJavaScript({ images: pixels, every: 25 })) corpus.push(file);
  return { pixels, corpus, files: corpus.map(({ bytes }) => bytes) };
}
