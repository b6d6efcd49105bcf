import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  BATCH_NORMALIZATION,
  BATCH_NORMALIZATION_GRADIENT,
} from '../../../trainer/backend/batch-normalization.ts';
import {
  expectSameOnBoth,
  noise,
  prepareBackends,
  runKernel,
  valuesOn,
} from '../../support/backends.ts';

beforeAll(prepareBackends);

const activations = fc.constantFrom('linear', 'relu', 'relu6');

const convolutions = fc.record({
  images: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 1, max: 11 }),
  width: fc.integer({ min: 1, max: 11 }),
  channels: fc.integer({ min: 1, max: 21 }),
  kernel: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  activation: activations,
  seed: fc.integer({ min: 0, max: 1000 }),
});

describe('depthwise kernels equal the cpu backend', () => {
  const check = (c: typeof convolutions extends fc.Arbitrary<infer T> ? T : never) =>
    expectSameOnBoth(() => {
      const { images, height, width, channels, kernel, stride, seed } = c;
      const x = tf.mul(noise([images, height, width, channels], seed), 4);
      const filter = noise([kernel, kernel, channels, 1], seed + 1);
      const bias = noise([channels], seed + 2);
      const geometry = { strides: [stride, stride], pad: 'same', dilations: [1, 1] };
      const y = runKernel(
        'FusedDepthwiseConv2D',
        { x, filter, bias },
        { ...geometry, activation: c.activation },
      );
      const dy = noise(y.shape, seed + 3);
      return [
        y,
        runKernel('DepthwiseConv2dNative', { x, filter }, geometry),
        runKernel(
          'DepthwiseConv2dNativeBackpropInput',
          { dy, filter },
          { ...geometry, inputShape: x.shape },
        ),
        runKernel(
          'DepthwiseConv2dNativeBackpropFilter',
          { x, dy },
          { ...geometry, filterShape: filter.shape },
        ),
      ];
    });

  it('with any size, kernel, stride and activation', () =>
    fc.assert(fc.asyncProperty(convolutions, check), { numRuns: 100 }));

  it('with the sizes of mobile networks', async () => {
    for (const [size, channels, stride] of [
      [10, 128, 1],
      [10, 128, 2],
      [7, 256, 1],
      [14, 64, 2],
    ] as const) {
      const square = { images: 2, height: size, width: size, kernel: 3 };
      await check({ ...square, channels, stride, activation: 'relu6', seed: size });
    }
  });

  it('sees that a filter changed in place', async () => {
    await tf.setBackend('wasm');
    const filter = tf.variable(tf.ones([3, 3, 2, 1]));
    const x = tf.ones([1, 1, 1, 2]);
    const inputs = { x, filter, bias: tf.zeros([2]) };
    const attrs = { strides: [1, 1], pad: 'same', dilations: [1, 1], activation: 'relu' };
    const compute = () => Array.from(runKernel('FusedDepthwiseConv2D', inputs, attrs).dataSync());
    expect(compute()).toEqual([1, 1]);
    filter.assign(tf.fill([3, 3, 2, 1], 2));
    expect(compute()).toEqual([2, 2]);
  });
});

describe('batch normalization', () => {
  const batches = fc.record({
    // Of a few rows the variance may be so small that rounding decides the gradient.
    rows: fc.integer({ min: 16, max: 300 }),
    channels: fc.integer({ min: 1, max: 21 }),
    activation: activations,
    seed: fc.integer({ min: 0, max: 1000 }),
  });

  it('and its gradients equal those of the cpu backend', () =>
    fc.assert(
      fc.asyncProperty(batches, ({ rows, channels, activation, seed }) =>
        expectSameOnBoth(() => {
          const x = noise([rows, 1, 1, channels], seed);
          const gamma = tf.mul(noise([channels], seed + 1), 5);
          const beta = noise([channels], seed + 2);
          const outputs = runKernel<tf.Tensor[]>(
            BATCH_NORMALIZATION,
            { x, gamma, beta },
            { activation },
          );
          const [y, mean, variance] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
          const dy = noise(y.shape, seed + 3);
          const known = { x, gamma, beta, mean, variance, dy };
          const gradients = runKernel<tf.Tensor[]>(BATCH_NORMALIZATION_GRADIENT, known, {
            activation,
          });
          return [...outputs, ...gradients];
        }, 1e-4),
      ),
      { numRuns: 60 },
    ));

  it('is exact if the mean is far larger than the deviation', async () => {
    const variance = await valuesOn('wasm', () => {
      const x = tf.add(tf.mul(noise([4096, 1, 1, 3], 1), 0.1), 1000);
      const inputs = { x, gamma: tf.ones([3]), beta: tf.zeros([3]) };
      return runKernel<tf.Tensor[]>(BATCH_NORMALIZATION, inputs, {
        activation: 'linear',
      })[2] as tf.Tensor;
    });
    // The mean of the squares of a sine is 1/2.
    for (const value of variance) expect(value).toBeCloseTo(0.005, 4);
  });
});

it('Relu6Grad, of any length', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 100 }), (length) =>
      expectSameOnBoth(() => {
        const y = tf.relu6(tf.mul(noise([length], 2), 9));
        return runKernel('Relu6Grad', { dy: noise([length], 1), y }, {});
      }),
    ),
  ));

it('FusedConv2D with ReLU6, with and without bias', () =>
  expectSameOnBoth(() => {
    const x = tf.mul(noise([2, 7, 5, 3], 1), 5);
    const filter = noise([3, 3, 3, 9], 2);
    const attrs = { strides: [2, 2], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] };
    const clamped = { ...attrs, activation: 'relu6' };
    return [
      runKernel('FusedConv2D', { x, filter, bias: noise([9], 3) }, clamped),
      runKernel('FusedConv2D', { x, filter }, clamped),
    ];
  }));
