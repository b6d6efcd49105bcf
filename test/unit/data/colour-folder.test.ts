/** Folders of images in colour: what the network sees of them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toPng } from '../../../shared/picture/png.ts';
import { type ImageSample, InvalidDatasetError } from '../../../trainer/data/dataset.ts';
import { describeFolder } from '../../../trainer/data/folder-report.ts';
import { imageFile, writeTrainingSet } from '../../../trainer/data/idx-folder.ts';
import { scaleOf } from '../../../trainer/data/image-scale.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { describeTestSet } from '../../../trainer/registry/test-set.ts';
import { writeShapes } from '../../support/datasets/write-shapes.ts';
import { tomatoes, writeTomatoes } from '../../support/datasets/write-tomatoes.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-colour-'));
  folder = join(root, 'tomatoes');
  await writeTomatoes(folder, { train: 6, test: 2 });
});
afterAll(() => rm(root, { recursive: true }));

/** Loads the tomatoes, and returns the messages too. */
async function load(options = {}) {
  const messages: string[] = [];
  const onProgress = (message: string) => messages.push(message);
  const dataset = await loadDataset({ dataset: folder, cacheDir: root, onProgress, ...options });
  return { dataset, messages: messages.join('\n') };
}

test('keeps the colours of images that have some, at 64x64 pixels, with their own scale', async () => {
  const { dataset, messages } = await load();
  expect(dataset).toMatchObject({ height: 64, width: 64, channels: 3, labels: tomatoes });
  expect(dataset.background).toEqual({ kind: 'keep' });
  expect(dataset.train.images.length).toBe(24 * 64 * 64 * 3);
  const scale = scaleOf(dataset.train.images, 3);
  expect(dataset.scale).toEqual(scale);
  const [red, green, blue] = [scale.mean].flat() as [number, number, number];
  // Tomatoes on grey ground: the mean of the kinds is a warm colour.
  expect(red).toBeGreaterThan(green);
  expect(green).toBeGreaterThan(blue);
  expect(messages).toMatch(/few training images: .*a hundred are better/);
  expect(messages).not.toMatch(/in grey/);
  expect(describeFolder(dataset, 'tutorial', 4_290_116)).toMatch(
    /^tomatoes has 24 training and 8 test images, split by folder, of 4 labels: 6 to train on of each\. They are in colour, of about \d+x\d+ to \d+x\d+ pixels\. The tutorial's network with 4,290,116 parameters is trained, and sees 64x64 pixels in colour\./,
  );
});

test('takes 32x32 pixels for small images, and other sizes if they are named', async () => {
  const small = join(root, 'small');
  for (const [level, label] of ['dark', 'light'].entries()) {
    await mkdir(join(small, label), { recursive: true });
    for (let i = 0; i < 6; i++) {
      const data = new Uint8Array(3 * 32 * 32).map((_, at) => (at % 3) * 50 + level * 90 + i);
      const png = encode({ width: 32, height: 32, data, channels: 3, depth: 8 });
      await writeFile(join(small, label, `${i}.png`), png);
    }
  }
  const { dataset } = await load({ dataset: small });
  expect(dataset).toMatchObject({ height: 32, width: 32, channels: 3 });
  const pixels = dataset.train.images.subarray(0, 6);
  // Not resized: each pixel is that of a file.
  expect([pixels[1], pixels[2], pixels[3]]).toEqual([
    (pixels[0] as number) + 50,
    (pixels[0] as number) + 100,
    pixels[0],
  ]);
  expect((await load({ dataset: small, size: 40 })).dataset).toMatchObject({ width: 40 });
});

test('takes the defaults of a network, unless options replace them', async () => {
  const seen: unknown[] = [];
  const defaults = ({ isColourful }: ImageSample, images: number) => {
    seen.push({ isColourful, images });
    return { fit: 'stretch' as const, size: 160 };
  };
  const { dataset } = await load({ defaults });
  expect(seen).toEqual([{ isColourful: true, images: 24 }]);
  expect(dataset).toMatchObject({ height: 160, width: 160, channels: 3, fit: 'stretch' });
  expect(dataset.train.images.length).toBe(24 * 160 * 160 * 3);
  const { dataset: chosen } = await load({ defaults, size: 24, fit: 'cover' });
  expect(chosen).toMatchObject({ height: 24, fit: 'cover' });
});

test('warns if the network sees colours in grey', async () => {
  const { dataset, messages } = await load({ colour: 'grey' });
  expect(dataset).toMatchObject({ height: 28, width: 28, channels: 1 });
  expect(dataset.scale).toBeUndefined();
  expect(messages).toMatch(/in colour, but the network sees them in grey/);
});

test('keeps grey images grey', async () => {
  const shapes = join(root, 'shapes');
  await writeShapes(shapes, { train: 3, test: 1 });
  const { dataset, messages } = await load({ dataset: shapes });
  expect(dataset).toMatchObject({ height: 28, width: 28, channels: 1 });
  expect(messages).not.toMatch(/colour/);
});

test('does not isolate in colour, and does not resize a data set that is used as it is', async () => {
  const isolated = load({ colour: 'rgb', background: 'isolate' });
  await expect(isolated).rejects.toThrow(InvalidDatasetError);
  await expect(isolated).rejects.toThrow(/isolate makes grey images/);
  expect((await load({ background: 'isolate' })).dataset).toMatchObject({ channels: 1 });
  await expect(load({ dataset: 'fashion-mnist', size: 32 })).rejects.toThrow(
    /fashion-mnist have 28x28 pixels in grey.*Leave out --size/,
  );
  await expect(load({ dataset: 'fashion-mnist', colour: 'rgb' })).rejects.toThrow(/--colour/);
});

test('is the same as IDX files, and in the bucket', async () => {
  const { dataset } = await load({ size: 16 });
  const none = { images: new Uint8Array(), labels: new Uint8Array(), count: 0 };
  const idx = join(root, 'idx');
  await writeTrainingSet(idx, dataset, none);
  const { dataset: read } = await load({ dataset: idx });
  expect(read).toMatchObject({ height: 16, width: 16, channels: 3, scale: dataset.scale });
  expect(Buffer.compare(read.train.images, dataset.train.images)).toBe(0);
  expect(read.background).toEqual({ kind: 'keep' });

  const { info, files } = describeTestSet(dataset);
  expect(info).toMatchObject({ height: 16, width: 16, channels: 3, images: 8 });
  expect(files['test-images.idx']).toEqual(imageFile(dataset, dataset.test));
});

test('draws images in colour', async () => {
  const pixels = Uint8Array.from([255, 0, 0, 0, 255, 0]);
  const { data, channels, width } = decode(toPng({ pixels, width: 2, height: 1 }, 2));
  expect([channels, width]).toEqual([3, 4]);
  expect([...data.subarray(0, 12)]).toEqual([255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0]);
});
