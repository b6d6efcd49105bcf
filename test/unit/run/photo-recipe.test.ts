import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toModelInput } from '../../../shared/image/model-input.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { imagesOfFiles } from '../../../trainer/evaluate/images-to-predict.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';
import { photoOf } from '../../support/photo.ts';
import { startTraining } from '../../support/training-process.ts';

let folder: string;
let dataset: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-photo-'));
  dataset = await writeSmallDataset(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const small = ['--epochs', '1', '--limit', '64', '--backend', 'wasm', '--threads', '1'];

it('--recipe photo records how photos are to be isolated, and predict does so', async () => {
  const runs = join(folder, 'runs');
  const recipe = ['--recipe', 'photo', ...small];
  const { ended } = startTraining([...recipe, '--dataset', dataset, '--runs', runs]);
  expect(await ended).toEqual({ code: 0, stderr: '' });
  const [run = ''] = await readdir(runs);
  const { config } = await readRun(join(runs, run));
  expect(config).toMatchObject({ recipe: 'photo', photos: expect.any(Number) });
  const background = { kind: 'isolate', mean: 130 } as const;
  expect(config.spec.preprocessing).toEqual({
    mean: 0.5,
    std: 0.5,
    fit: 'contain',
    background,
  });

  const { images } = await firstTestImages();
  const photo = photoOf(images.slice(0, 784), 130, 80, [0, 25, 60]);
  const file = join(folder, 'photo.bmp');
  await writeFile(file, encode({ ...photo, channels: 4, depth: 8 }));
  const [read] = await imagesOfFiles([file], config.spec, 'auto');
  const size = { height: 28, width: 28, ...imageDecoders };
  const { pixels: expected } = await toModelInput(photo, { ...size, background });
  const { pixels: plain } = await toModelInput(photo, {
    ...size,
    background: { kind: 'isolate' },
  });
  const differenceTo = (other: Uint8Array) =>
    other.reduce((sum, pixel, i) => {
      const seen = read && 'pixels' in read ? (read.pixels[i] as number) : Number.NaN;
      return sum + Math.abs(pixel - seen);
    }, 0) / 784;
  // The file is reduced while it is decoded, which rounds.
  expect(differenceTo(expected)).toBeLessThan(1);
  expect(differenceTo(plain)).toBeGreaterThan(5);
}, 120_000);

it('--photos works with any recipe, and says what it needs of a data set', async () => {
  const whites = join(folder, 'hundred', 'train-images-idx3-ubyte');
  const images = await readFile(whites);
  for (let i = 16; i < images.length; i++) images[i] = 255 - (images[i] as number);
  await writeFile(whites, images);
  const runs = join(folder, 'refused');
  const options = ['--recipe', 'fast', '--photos', '0.5', ...small];
  const { ended } = startTraining([...options, '--dataset', dataset, '--runs', runs]);
  const { code, stderr } = await ended;
  expect(code).toBe(2);
  expect(stderr).toContain('needs grey images of 28x28 pixels that are light on black');
  expect(stderr).toContain('only 0 of the 100 training images of hundred');
}, 60_000);
