import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { parseIdx } from '../../../shared/idx.ts';
import { buildModelFiles, modelFilesOf } from './build-model-files.ts';
import { layerModels } from './layer-models.ts';
import { photoModel } from './photo-model.ts';
import { photoPixels, photoSides, photoSpec } from './photo-spec.ts';

const folder = new URL('../../fixtures/build/', import.meta.url);
const testSet = new URL('../../fixtures/fashion-mnist-test-100/', import.meta.url);
/** The number of test images with logits. */
const images = 10;

/**
 * Writes the files that the tests inside workerd import, as .bin, which workerd imports as bytes: two
 * models with different weights (the Worker itself can't build one, only load one), their logits for
 * the first test images, and the test images.
 */
export default async function writeModels(): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of ['test-images', 'test-labels']) {
    await copyFile(new URL(`${file}.idx`, testSet), new URL(`${file}.bin`, folder));
  }
  const pixels = parseIdx(await readFile(new URL('test-images.idx', testSet)), 3).values.slice(
    0,
    images * 784,
  );
  for (const seed of [1, 2]) {
    const { json, weights, logits } = await buildModelFiles(seed, pixels);
    await writeFile(new URL(`seed-${seed}.model.bin`, folder), json);
    await writeFile(new URL(`seed-${seed}.weights.bin`, folder), weights);
    await writeFile(new URL(`seed-${seed}.logits.bin`, folder), JSON.stringify(logits));
  }
  const kinds = [];
  for (const [name, model] of await layerModels()) {
    const { json, weights, logits } = await modelFilesOf(model, pixels);
    kinds.push({ name, json, weights: Buffer.from(weights).toString('base64'), logits });
  }
  await writeFile(new URL('layer-models.bin', folder), JSON.stringify(kinds));
  const photos = [];
  for (const side of photoSides) {
    const shown = Buffer.concat([0, 1, 2].map((index) => photoPixels(side, index)));
    const files = await modelFilesOf(photoModel(side), shown, photoSpec(side));
    const weights = Buffer.from(files.weights).toString('base64');
    photos.push({ side, json: files.json, weights, logits: files.logits });
  }
  await writeFile(new URL('photo-models.bin', folder), JSON.stringify(photos));
}
