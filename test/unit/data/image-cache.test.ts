/** Images of a folder are decoded on all cores, and once: the next command reads them from the cache. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encode } from 'fast-png';
import seedrandom from 'seedrandom';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readImage } from '../../../shared/image/model-input.ts';
import { pruneCache } from '../../../trainer/data/image-cache.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';

const side = 128;
const perLabel = 20;
const labels = ['dark', 'light'];

let root: string;
let folder: string;
let cacheDir: string;
let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-image-cache-'));
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(async () => {
  folder = join(root, `set-${++made}`);
  cacheDir = join(root, `cache-${made}`);
  for (const part of ['train', 'test']) {
    for (const label of labels) {
      await mkdir(join(folder, part, label), { recursive: true });
      const count = part === 'train' ? perLabel : 2;
      for (let i = 0; i < count; i++) {
        await writeFile(join(folder, part, label, `${i}.png`), noise(`${part}/${label}/${i}`));
      }
    }
  }
});

/** A PNG of 40 kB; smaller files are not cached. Its border is dark. */
function noise(seed: string): Uint8Array {
  const random = seedrandom.alea(seed);
  const data = Uint8Array.from({ length: side * side * 3 }, () => random() * 90);
  return encode({ width: side, height: side, data, channels: 3, depth: 8 });
}

const load = (options = {}) =>
  loadDataset({
    dataset: folder,
    cacheDir,
    colour: 'grey',
    background: { kind: 'keep' },
    ...options,
  });

async function entries(): Promise<string[]> {
  const names = await readdir(join(cacheDir, 'images'), { recursive: true });
  return names
    .filter((name) => name.split('/').length === 3)
    .map((name) => join(cacheDir, 'images', name));
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const imageOf = ({ images }: { images: Uint8Array }, i: number) =>
  Buffer.from(images.subarray(784 * i, 784 * (i + 1)));

/** The entry of a file in train/. */
async function entryOf(path: string): Promise<string> {
  const name = sha256(await readFile(join(folder, 'train', path))).toString('hex');
  const entry = (await entries()).find((path) =>
    path.endsWith(join(name.slice(0, 2), name.slice(2))),
  );
  if (!entry) throw new Error(`${path} is not cached.`);
  return entry;
}

describe('reading on several threads', () => {
  test('gives each image its pixels, in the order of the files', async () => {
    const { train } = await load();
    expect(train.count).toBe(2 * perLabel);
    const names = (await readdir(join(folder, 'train/dark'))).sort();
    for (const [i, name] of names.entries()) {
      const expected = await readImage(await readFile(join(folder, 'train/dark', name)), {
        height: 28,
        width: 28,
        background: { kind: 'keep' },
        ...imageDecoders,
      });
      expect(imageOf(train, 2 * i)).toEqual(Buffer.from(expected.pixels));
    }
  });

  test('reports progress from the first image to the last', async () => {
    const calls: [number, number][] = [];
    await load({ onImages: (done: number, of: number) => calls.push([done, of]) });
    expect(calls[0]).toEqual([0, 44]);
    expect(calls.at(-1)).toEqual([44, 44]);
  });

  test('ends when it is interrupted, with the reason', async () => {
    const interruption = new AbortController();
    const reason = new Error('Interrupted.');
    const loading = load({
      signal: interruption.signal,
      onImages: () => interruption.abort(reason),
    });
    await expect(loading).rejects.toBe(reason);
  });

  test('names the files that are no images, in their order', async () => {
    await writeFile(join(folder, 'train/light/3.png'), 'no image');
    await writeFile(join(folder, 'train/dark/7.png'), noise('cut').subarray(0, 20_000));
    await expect(load()).rejects.toThrow(
      /^2 of the files .*\n.*dark\/7\.png: .*\n.*light\/3\.png: This is not an image/,
    );
  });
});

describe('the cache', () => {
  test('has an entry per image, which the next command reads', async () => {
    const first = await load();
    expect(await entries()).toHaveLength(44);
    const pixels = Buffer.alloc(784, 77);
    await writeFile(await entryOf('dark/0.png'), Buffer.concat([sha256(pixels), pixels]));
    const second = await load();
    expect(imageOf(second.train, 0)).toEqual(pixels);
    expect(second.train.images.subarray(784)).toEqual(first.train.images.subarray(784));
  });

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['empty', (path) => truncate(path, 0)],
    ['cut short', (path) => truncate(path, 500)],
    ['of other bytes', (path) => writeFile(path, Buffer.alloc(816, 9))],
    [
      'flipped in one bit',
      async (path) => {
        const bytes = await readFile(path);
        bytes[400] = (bytes[400] as number) ^ 1;
        await writeFile(path, bytes);
      },
    ],
  ])('replaces an entry that is %s', async (_, damage) => {
    const first = await load();
    const entry = await entryOf('dark/0.png');
    const intact = await readFile(entry);
    await damage(entry);
    expect((await load()).files).toEqual(first.files);
    expect(await readFile(entry)).toEqual(intact);
  });

  test('follows the content of the files, not their names', async () => {
    const first = await load();
    await writeFile(join(folder, 'train/dark/0.png'), noise('another'));
    const second = await load();
    expect(imageOf(second.train, 0)).not.toEqual(imageOf(first.train, 0));
    expect(await entries()).toHaveLength(45);
  });

  test('keeps images for other settings apart', async () => {
    await load();
    await load({ fit: 'stretch' });
    expect(await entries()).toHaveLength(88);
  });

  test('can be filled by two processes at once', async () => {
    const program = `
      import { loadDataset } from ${JSON.stringify(join(import.meta.dirname, '../../../trainer/data/load-dataset.ts'))};
      const [dataset, cacheDir] = process.argv.slice(1);
      const options = { colour: 'grey', background: { kind: 'keep' } };
      const { files } = await loadDataset({ dataset, cacheDir, ...options });
      console.log(JSON.stringify(files));`;
    const start = () =>
      promisify(execFile)(process.execPath, [
        ...['--input-type=module', '--eval', program, '--'],
        folder,
        cacheDir,
      ]);
    const printed = await Promise.all([start(), start()]);
    const { files } = await load({ cacheDir: join(root, 'another cache') });
    for (const { stdout } of printed) expect(JSON.parse(stdout)).toEqual(files);
    // No temporary file is left.
    expect(await entries()).toHaveLength(44);
    expect((await load()).files).toEqual(files);
  });

  test('does without if it can not be written, and says so once', async () => {
    await writeFile(cacheDir, 'a file in place of the folder');
    const messages: string[] = [];
    const { train } = await load({ onProgress: (message: string) => messages.push(message) });
    expect(train.count).toBe(2 * perLabel);
    expect(messages.filter((message) => message.includes('cached'))).toEqual([
      expect.stringMatching(/^44 images could not be cached: .*ENOTDIR/),
    ]);
  });

  test('is bounded: the oldest entries make room', async () => {
    await load();
    const images = join(cacheDir, 'images');
    const names = await readdir(images, { recursive: true });
    for (const name of names) if (name.endsWith('.json')) await rm(join(images, name));
    const paths = (await entries()).sort();
    for (const [i, path] of paths.entries()) await utimes(path, 1000 + i, 1000 + i);
    await pruneCache(cacheDir, 44 * 4096);
    expect(await entries()).toHaveLength(44);
    // Four fifths of 40 blocks.
    await pruneCache(cacheDir, 40 * 4096);
    expect((await entries()).sort()).toEqual(paths.slice(12));
  });
});
