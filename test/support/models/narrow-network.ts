import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn, type ModelSpec } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import type { LayerTensor } from '../../../trainer/weights/tensor.ts';
import { firstTestImages } from '../datasets/test-images.ts';

const fixtures = new URL('../../fixtures/pytorch/', import.meta.url);

/** A file that PyTorch wrote: see test/support/python/tutorial_weights.py. */
export const fixture = (name: string) => new URL(name, fixtures).pathname;
export const readFixture = async (name: string) => new Uint8Array(await readFile(fixture(name)));

/** PyTorch's logits of the first 10 test images, by fixture name. */
export const pytorchLogits = JSON.parse(
  await readFile(new URL('logits.json', fixtures), 'utf8'),
) as Record<'narrow' | 'variants' | 'half', number[][]>;

const narrow: Record<number, number> = { 32: 4, 64: 8, 128: 16, 512: 16 };

/** The tutorial's network with a fraction of its channels. */
export const narrowCnn: ModelSpec = {
  ...fashionMnistCnn,
  layers: fashionMnistCnn.layers.map((layer) => {
    if (layer.type === 'conv2d') return { ...layer, filters: narrow[layer.filters] ?? 0 };
    if (layer.type === 'dense') return { ...layer, units: narrow[layer.units] ?? layer.units };
    return layer;
  }),
};

/** The logits of the first test images, as TensorFlow.js computes them. */
export async function logitsOf(weights: LayerTensor[], images = 10): Promise<number[][]> {
  await tf.setBackend('cpu');
  const { images: pixels } = await firstTestImages();
  return tf.tidy(() => {
    const model = buildModel(narrowCnn, 0);
    model.setWeights(weights.map(({ shape, values }) => tf.tensor(values, [...shape])));
    const input = normalizePixels(pixels.subarray(0, images * 784), narrowCnn.preprocessing);
    const logits = model.predict(tf.tensor(input, [images, 28, 28, 1])) as tf.Tensor2D;
    return logits.arraySync();
  });
}

export function maxDifference(actual: number[][], expected: number[][]): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(
    ...actual.flatMap((row, i) => row.map((x, j) => Math.abs(x - (expected[i]?.[j] as number)))),
  );
}
