/** Folders whose images don't fit into memory. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cnnFor } from '../../../shared/model/model-spec.ts';
import type { Dataset, ImageSet } from '../../../trainer/data/dataset.ts';
import { imageIn, imagesBetween } from '../../../trainer/data/image-set.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { describeTestSet } from '../../../trainer/registry/test-set.ts';
import { recipes } from '../../../trainer/train/recipes.ts';
import { train } from '../../../trainer/train/train.ts';

const side = 12;
/** Less than the images take, which have 200 kB. */
const maxMemory = 50_000;
let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-many-'));
  folder = join(root, 'dots');
  for (const [shade, label] of ['dark', 'light', 'middle'].entries()) {
    await mkdir(join(folder, label), { recursive: true });
    for (let i = 0; i < 160; i++) await writeFile(join(folder, label, `${i}.png`), dot(shade, i));
  }
});
afterAll(() => rm(root, { recursive: true }));

/** A coloured picture whose pixels depend on the label and a number. */
function dot(shade: number, seed: number): Uint8Array {
  const data = Uint8Array.from(
    { length: side * side * 3 },
    (_, i) => (seed * 7 + shade * 80 + (i % 3) * 40 + ((i * seed) % 23)) % 256,
  );
  return encode({ width: side, height: side, data, channels: 3, depth: 8 });
}

async function load(options = {}) {
  const messages: string[] = [];
  const counts: number[] = [];
  const dataset = await loadDataset({
    dataset: folder,
    cacheDir: join(root, 'cache'),
    size: side,
    onProgress: (message) => messages.push(message),
    onImages: (done) => counts.push(done),
    ...options,
  });
  return { dataset, counts, messages: messages.join('\n') };
}

const allImages = (set: ImageSet) => Buffer.from(imagesBetween(set, 0, set.count));

function expectSame(found: Dataset, expected: Dataset): void {
  for (const part of ['train', 'test'] as const) {
    expect(found[part].file).toBeDefined();
    expect(found[part].images).toHaveLength(0);
    expect(Array.from(found[part].labels)).toEqual(Array.from(expected[part].labels));
    expect(allImages(found[part]).equals(allImages(expected[part]))).toBe(true);
    expect(imageIn(found[part], 3)).toEqual(new Uint8Array(imageIn(expected[part], 3)));
  }
  const { files, background, channels } = expected;
  expect(found).toMatchObject({ files, background, channels });
  expect(found.scale).toEqual(expected.scale);
}

test('is the same data set as in memory, and is not read again', async () => {
  const { dataset: inMemory, messages: quiet } = await load();
  expect(quiet).not.toMatch(/too much for the memory/);
  const { dataset, messages } = await load({ maxMemory });
  expect(messages).toMatch(/take 207,360 bytes .*too much for the memory.*pixels/);
  expectSame(dataset, inMemory);
  expect(describeTestSet(dataset)).toEqual(describeTestSet(inMemory));
  expect(await readdir(join(root, 'cache', 'pixels'))).toHaveLength(2);

  // Files that have just changed are read again, because their time may not tell of another change.
  await expect
    .poll(async () => (await load({ maxMemory })).counts, { timeout: 20_000 })
    .toEqual([480]);
  const again = await load({ maxMemory });
  expect(again.messages).not.toMatch(/too much for the memory/);
  expectSame(again.dataset, inMemory);
});

test('reads what has changed, and leaves out what is not an image', async () => {
  await load({ maxMemory });
  await writeFile(join(folder, 'dark', '5.png'), dot(2, 900));
  await writeFile(join(folder, 'dark', '6.png'), 'text');
  await expect(load({ maxMemory })).rejects.toThrow(/dark\/6\.png: /);
  const { dataset, counts } = await load({ maxMemory, skipUnreadable: true });
  // All but the new file and the one that is not an image are in the file already.
  expect(counts[0]).toBe(478);
  const { dataset: inMemory } = await load({ skipUnreadable: true });
  expectSame(dataset, inMemory);
  expect(dataset.folder?.skipped).toHaveLength(1);
  await rm(join(folder, 'light', '7.png'));
  const fewer = await load({ maxMemory, skipUnreadable: true });
  expectSame(fewer.dataset, (await load({ skipUnreadable: true })).dataset);
  expect(fewer.counts[0]).toBe(477);
  await writeFile(join(folder, 'dark', '6.png'), dot(0, 6));
});

test('inverts grey images when they are read', async () => {
  const options = { colour: 'grey', background: 'invert' };
  const { dataset: inMemory } = await load(options);
  const { dataset } = await load({ ...options, maxMemory });
  expectSame(dataset, inMemory);
  expect(dataset.train.file?.inverted).toContain(1);
  expect(dataset.train.file?.inverted).toContain(0);
});

test('trains to the same bits as in memory, with validation images and a limit', async () => {
  const weightsOf = async (dataset: Dataset) => {
    const recipe = { ...recipes.tutorial, epochs: 1, batchSize: 20, validation: 30 };
    const settings = { backend: 'wasm', threads: 2, seed: 1, limit: 300 } as const;
    const events = train({ spec: cnnFor(dataset), dataset, recipe, ...settings });
    for await (const event of events) {
      if (event.event === 'epoch') return { ...event.metrics, ...event.validation };
    }
    throw new Error('The training has no epoch.');
  };
  const { dataset: inMemory } = await load();
  const { dataset } = await load({ maxMemory });
  expect(await weightsOf(dataset)).toEqual(await weightsOf(inMemory));
});
