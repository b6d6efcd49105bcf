import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idxFile } from '../../../trainer/data/idx-folder.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';

const cases = join(import.meta.dirname, '../../fixtures/image-cases');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-background-'));
});
afterAll(() => rm(root, { recursive: true }));

/** A square of 64x64 with a smaller one in its middle. */
function square(ground: number, middle: number): Uint8Array {
  const data = Uint8Array.from({ length: 4096 }, (_, i) =>
    Math.max(Math.abs((i % 64) - 32), Math.abs(i / 64 - 32)) < 16 ? middle : ground,
  );
  return encode({ width: 64, height: 64, data, channels: 1, depth: 8 });
}

/** @param labels the files of each label, for training and testing */
async function writeFolder(
  name: string,
  labels: Record<string, (path: string) => Promise<void>>,
): Promise<string> {
  for (const part of ['train', 'test']) {
    for (const [label, write] of Object.entries(labels)) {
      const folder = join(root, name, part, label);
      await mkdir(folder, { recursive: true });
      await write(join(folder, 'picture.png'));
    }
  }
  return join(root, name);
}

const at = (images: Uint8Array, image: number, x: number, y: number) =>
  images[image * 784 + y * 28 + x];

describe('a folder of images', () => {
  it('does not depend on whether a border is 127 or 128', async () => {
    const file = (name: string) => (path: string) => copyFile(join(cases, name), path);
    const dataset = await writeFolder('mid-grey', {
      one: file('mid-grey-border-127.png'),
      two: file('mid-grey-border-128.png'),
    });
    const messages: string[] = [];
    const onProgress = (message: string) => void messages.push(message);
    const { background, train } = await loadDataset({ dataset, onProgress });
    expect(background.kind).toBe('keep');
    expect([at(train.images, 0, 0, 0), at(train.images, 1, 0, 0)]).toEqual([127, 128]);
    expect([at(train.images, 0, 14, 14), at(train.images, 1, 14, 14)]).toEqual([220, 220]);
    expect(messages).toContain(
      '2 of 2 training images have a mid-grey border, so backgrounds stay as they are. --background invert inverts light ones.',
    );
  });

  it('stays as it is if light and dark distinguish the labels', async () => {
    const dataset = await writeFolder('polarity', {
      day: (path) => writeFile(path, square(250, 10)),
      night: (path) => writeFile(path, square(5, 245)),
    });
    const { background, train } = await loadDataset({ dataset });
    expect(background.kind).toBe('keep');
    expect([at(train.images, 0, 0, 0), at(train.images, 1, 0, 0)]).toEqual([250, 5]);
    // The user knows better.
    const inverted = await loadDataset({ dataset, background: 'invert' });
    expect(at(inverted.train.images, 0, 0, 0)).toBe(5);
    expect(at(inverted.test.images, 0, 14, 14)).toBe(245);
  });

  it('is inverted if its borders are light, and the same for all labels', async () => {
    const dataset = await writeFolder('on-paper', {
      one: (path) => writeFile(path, square(250, 10)),
      two: (path) => writeFile(path, square(240, 60)),
    });
    const { background, train } = await loadDataset({ dataset });
    expect(background.kind).toBe('invert');
    expect([at(train.images, 0, 0, 0), at(train.images, 1, 14, 14)]).toEqual([5, 195]);
  });

  it('is isolated if it has the name of Fashion-MNIST', async () => {
    const dataset = await writeFolder('Fashion MNIST', {
      one: (path) => writeFile(path, square(250, 10)),
      two: (path) => writeFile(path, square(250, 60)),
    });
    expect((await loadDataset({ dataset })).background.kind).toBe('isolate');
  });

  it('fits pictures of other proportions as it is configured', async () => {
    // Black, grey and white thirds, side by side.
    const data = Uint8Array.from(
      { length: 84 * 28 },
      (_, i) => [0, 40, 80][((i % 84) / 28) | 0] ?? 0,
    );
    const wide = encode({ width: 84, height: 28, data, channels: 1, depth: 8 });
    const dataset = await writeFolder('wide', {
      one: (path) => writeFile(path, wide),
      two: (path) => writeFile(path, wide),
    });
    const row = async (fit?: 'cover' | 'stretch') => {
      const { train, ...loaded } = await loadDataset({ dataset, fit });
      expect(loaded.fit).toBe(fit ?? 'contain');
      return [1, 14, 26].map((x) => [2, 14].map((y) => at(train.images, 0, x, y)));
    };
    expect(await row()).toEqual([
      [40, 0],
      [40, 40],
      [40, 80],
    ]); // on the border's median
    expect(await row('cover')).toEqual([
      [40, 40],
      [40, 40],
      [40, 40],
    ]);
    expect(await row('stretch')).toEqual([
      [0, 0],
      [40, 40],
      [80, 80],
    ]);
  });
});

describe('a folder of IDX files', () => {
  async function write(name: string, change: (pixel: number) => number): Promise<string> {
    const folder = join(root, name);
    await mkdir(folder);
    const { images, labels } = await firstTestImages();
    const changed = images.map(change);
    for (const part of ['train', 't10k']) {
      const file = (kind: string) => join(folder, `${part}-${kind}`);
      await writeFile(file('images-idx3-ubyte'), idxFile([100, 28, 28], changed));
      await writeFile(file('labels-idx1-ubyte'), idxFile([100], labels));
    }
    return folder;
  }

  it('has its pictures inverted only if none of its own images would be', async () => {
    const dark = await loadDataset({ dataset: await write('dark', (pixel) => pixel) });
    expect(dark.background.kind).toBe('invert');
    const light = await loadDataset({ dataset: await write('light', (pixel) => 255 - pixel) });
    expect(light.background.kind).toBe('keep');
  });
});
