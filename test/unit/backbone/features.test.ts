import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildModel } from '../../../shared/model/build-model.ts';
import { mobilenetFor } from '../../../shared/model/mobilenet.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import { computeFeatures } from '../../../trainer/backbone/compute-features.ts';
import { drawView } from '../../../trainer/backbone/draw-view.ts';
import { foldNormalization } from '../../../trainer/backbone/fold-normalization.ts';
import { openBackbone } from '../../../trainer/backbone/open-backbone.ts';
import { maxFeature, splitNetwork } from '../../../trainer/backbone/split-network.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { imagesInFile } from '../../../trainer/data/image-set.ts';
import type { LayerTensor } from '../../../trainer/weights/tensor.ts';
import { photoPixels } from '../../support/models/photo-spec.ts';
import { writeRandomBackbone } from '../../support/models/random-backbone.ts';

const side = 96;
const spec = mobilenetFor({
  name: 'photos',
  height: side,
  width: side,
  channels: 3,
  labels: ['a', 'b'],
  fit: 'stretch',
  background: { kind: 'keep' },
});
const imagesOf = (count: number, first = 0) => {
  const images = new Uint8Array(count * side * side * 3);
  for (let i = 0; i < count; i++) images.set(photoPixels(side, first + i), i * side * side * 3);
  return { images, labels: new Uint8Array(count), count };
};

let root: string;
let weights: LayerTensor[];
beforeAll(async () => {
  await openBackend('cpu');
  root = await mkdtemp(join(tmpdir(), 'catwalk-features-'));
  ({ weights } = await openBackbone({ backbone: await writeRandomBackbone(join(root, 'model')) }));
});
afterAll(() => rm(root, { recursive: true }));

/** The output of the frozen part and the means of the channels, by TensorFlow.js's own kernels. */
function stockFeatures(pixels: Uint8Array, blocks: number) {
  const { frozen, trained } = splitNetwork(spec, blocks);
  const input = tf.tensor(normalizePixels(pixels, spec.preprocessing), [1, side, side, 3]);
  const tensors = weights.map(({ shape, values }) => tf.tensor(values, [...shape]));
  const middle = buildModel(frozen, 1);
  middle.setWeights(tensors.slice(0, 2 * frozen.layers.length));
  const features = middle.predict(input) as tf.Tensor;
  const layers = trained.layers.slice(0, -2);
  const end = buildModel({ ...trained, layers }, 1);
  end.setWeights(tensors.slice(2 * frozen.layers.length));
  const means = end.predict(features) as tf.Tensor;
  return { features: features.dataSync(), means: means.dataSync(), shape: features.shape };
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0);
};

it.each([
  [6, [1, 6, 6, 128]],
  [2, [1, 6, 6, 128]],
  [0, [1, 3, 3, 256]],
])(
  'features before the last %d blocks are those of the stock kernels',
  async (blocks, shape) => {
    const sets = { train: imagesOf(3), test: imagesOf(2, 3) };
    const options = { network: splitNetwork(spec, blocks), weights, views: 1, cacheDir: null };
    const { train, test, means } = await computeFeatures(sets, options);
    const stock = stockFeatures(sets.train.images.subarray(0, side * side * 3), blocks);
    expect(stock.shape).toEqual(shape);
    const length = stock.features.length;
    const bytes = Array.from(train.images.subarray(0, length), (b) => (b / 255) * maxFeature);
    expect(largestDifference(bytes, stock.features)).toBeLessThan(maxFeature / 255 / 2 + 1e-4);
    expect(Math.max(...bytes)).toBeGreaterThan(1);
    expect(largestDifference(means.subarray(0, 256), stock.means)).toBeLessThan(1e-4);
    const tested = stockFeatures(sets.test.images.subarray(side * side * 3), blocks);
    expect(test.inputs).toHaveLength(2 * length);
    const second = test.inputs?.subarray(length) ?? [];
    expect(largestDifference(second, tested.features)).toBeLessThan(1e-4);
  },
  60_000,
);

it('reads unchanged images from the cache, and computes only new ones', async () => {
  const cacheDir = join(root, 'cache');
  const options = { network: splitNetwork(spec, 6), weights, views: 3, cacheDir };
  const entries = async () =>
    (await readdir(join(cacheDir, 'features'), { recursive: true })).filter((name) =>
      /[0-9a-f]{60}$/.test(name),
    ).length;
  const first = await computeFeatures({ train: imagesOf(2), test: imagesOf(1, 2) }, options);
  expect(await entries()).toBe(3);
  const again = await computeFeatures({ train: imagesOf(3), test: imagesOf(1, 2) }, options);
  expect(await entries()).toBe(4);
  expect(again.train.images.subarray(0, first.train.images.length)).toEqual(first.train.images);
  expect(again.test.inputs).toEqual(first.test.inputs);
  expect(again.means.subarray(0, first.means.length)).toEqual(first.means);
}, 60_000);

it('computes the same on several threads, of images in memory or in a file', async () => {
  const options = { network: splitNetwork(spec, 6), weights, views: 2, cacheDir: null };
  const [images, test] = [imagesOf(50), imagesOf(1, 50)];
  const inMemory = await computeFeatures({ train: images, test }, options);
  const path = join(root, 'images.bin');
  await writeFile(path, images.images);
  const file = await open(path);
  const rows = Array.from({ length: 50 }, (_, i) => 49 - i);
  const train = imagesInFile(file.fd, side * side * 3, rows, images.labels);
  const inFile = await computeFeatures({ train, test }, options);
  await file.close();
  const size = inMemory.train.images.length / 50;
  const featuresOf = ({ images }: { images: Uint8Array }, image: number) =>
    images.subarray(image * size, (image + 1) * size);
  for (const [i, row] of rows.entries()) {
    expect(featuresOf(inFile.train, i)).toEqual(featuresOf(inMemory.train, row));
  }
  expect(inFile.test.inputs).toEqual(inMemory.test.inputs);
}, 60_000);

describe('a view', () => {
  const pixels = photoPixels(4, 0);
  const scale = { mean: 0.5, std: 0.5 };
  const draw = (view: number, seed = 'seed', image = pixels) => {
    const target = new Float32Array(image.length);
    drawView(image, [4, 4, 3], scale, view, seed, target);
    return Array.from(target);
  };

  it('is the image itself, then mirrored', () => {
    expect(draw(0)).toEqual(Array.from(normalizePixels(pixels, scale)));
    const mirrored = draw(1);
    for (let row = 0; row < 4; row++) {
      for (let column = 0; column < 4; column++) {
        const at = 3 * (4 * row + column);
        const from = 3 * (4 * row + 3 - column);
        expect(mirrored.slice(at, at + 3)).toEqual(draw(0).slice(from, from + 3));
      }
    }
  });

  it('then crops, which the seed determines', () => {
    expect(draw(2)).toEqual(draw(2));
    expect(draw(2)).not.toEqual(draw(2, 'another'));
    expect(draw(2)).not.toEqual(draw(4));
    // A part of an even image is as even, and no number leaves the range of the image.
    const even = draw(3, 'seed', new Uint8Array(48).fill(51));
    expect(largestDifference(even, new Float32Array(48).fill(-0.6))).toBeLessThan(1e-6);
  });
});

it('folds a batch normalization into a kernel and a bias', () => {
  const random = (length: number, low: number, seed: number) =>
    Float32Array.from({ length }, (_, i) => low + Math.abs(Math.sin(7 * i + seed)));
  const kernel = { shape: [1, 1, 3, 4], values: random(12, -0.5, 1) };
  const normalization = {
    gamma: random(4, -0.5, 2),
    beta: random(4, -0.5, 3),
    moving_mean: random(4, -0.5, 4),
    moving_variance: random(4, 0.1, 5),
  };
  const [folded, bias] = foldNormalization(kernel, normalization, 1e-3);
  tf.tidy(() => {
    const x = tf.tensor4d(random(24, -0.5, 6), [2, 2, 2, 3]);
    const filterOf = ({ values }: LayerTensor) => tf.tensor4d(values, [1, 1, 3, 4]);
    const plain = tf.conv2d(x, filterOf(kernel), 1, 'same');
    const { gamma, beta, moving_mean: mean, moving_variance: variance } = normalization;
    const tensors = [mean, variance, beta, gamma].map((values) => tf.tensor1d(values));
    const [m, v, b, g] = tensors as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    const expected = tf.batchNorm(plain, m, v, b, g, 1e-3);
    const actual = tf.add(tf.conv2d(x, filterOf(folded), 1, 'same'), tf.tensor1d(bias.values));
    expect(largestDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
  });
});
