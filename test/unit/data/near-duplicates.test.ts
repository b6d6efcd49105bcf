import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'fast-png';
import { encode as encodeJpeg } from 'jpeg-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resizeChannels } from '../../../shared/image/resize.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { writeTomatoes } from '../../support/datasets/write-tomatoes.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-near-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Reads a PNG as red, green, blue and alpha. */
async function readPixels(path: string) {
  const { width, height, data } = decode(await readFile(path));
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height * 3; i++)
    rgba[4 * Math.floor(i / 3) + (i % 3)] = data[i] as number;
  return { width, height, data: rgba };
}

test('finds test images that are training images, saved again or resized, and no others', async () => {
  const folder = join(root, 'tomatoes');
  await writeTomatoes(folder, { train: 25, test: 12 });
  const kind = 'green zebra';
  const [train, tested] = [join(folder, 'train', kind), join(folder, 'test', kind)];
  const messages: string[] = [];
  const load = () =>
    loadDataset({
      dataset: folder,
      cacheDir: root,
      onProgress: (message) => messages.push(message),
    });
  expect((await load()).folder?.nearDuplicates).toEqual([]);
  expect(messages.join()).not.toMatch(/show the same/);

  const again = encodeJpeg(await readPixels(join(train, '3.png')), 95);
  await writeFile(join(tested, 'again.jpg'), again.data);
  const { width, height, data } = await readPixels(join(train, '4.png'));
  const size = { width: 2 * width, height: 2 * height };
  const enlarged = resizeChannels(
    Float32Array.from(data),
    width,
    height,
    4,
    size.width,
    size.height,
  );
  const large = encode({
    ...size,
    data: Uint8Array.from(enlarged, Math.round),
    channels: 4,
    depth: 8,
  });
  await writeFile(join(tested, 'enlarged.png'), large);
  await writeFile(join(tested, 'copy.png'), await readFile(join(train, '5.png')));
  const held = join(folder, 'validation', kind);
  await mkdir(held, { recursive: true });
  await writeFile(
    join(held, 'again.jpg'),
    encodeJpeg(await readPixels(join(train, '6.png')), 95).data,
  );
  const { folder: report } = await load();
  expect(report?.nearDuplicates).toEqual([
    { part: 'validation', path: join(held, 'again.jpg'), sameAs: join(train, '6.png') },
    { part: 'test', path: join(tested, 'again.jpg'), sameAs: join(train, '3.png') },
    { part: 'test', path: join(tested, 'enlarged.png'), sameAs: join(train, '4.png') },
  ]);
  expect(report?.duplicates).toEqual([
    { part: 'test', path: join(tested, 'copy.png'), sameAs: join(train, '5.png') },
  ]);
  expect(messages.join()).toMatch(/3 validation or test images show the same as a training image/);
});

test('does not take flat pictures for the same', async () => {
  const folder = join(root, 'flat');
  for (const [part, seed] of [
    ['train', 0],
    ['test', 1],
  ] as const) {
    for (const label of ['a', 'b']) {
      await mkdir(join(folder, part, label), { recursive: true });
      const data = new Uint8Array(28 * 28).map((_, i) => 120 + ((i * (seed + 3) * 7919) % 3));
      const png = encode({ width: 28, height: 28, data, channels: 1, depth: 8 });
      await writeFile(join(folder, part, label, `${label}.png`), png);
    }
  }
  const { folder: report } = await loadDataset({ dataset: folder, cacheDir: root });
  expect(report?.nearDuplicates).toEqual([]);
});
