import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, it } from 'vitest';
import { expectSameOnBoth, noise, prepareBackends, runKernel } from '../../support/backends.ts';

beforeAll(prepareBackends);

describe('matrix products equal the cpu backend', () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 40 }),
    depth: fc.integer({ min: 1, max: 40 }),
    columns: fc.integer({ min: 1, max: 40 }),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  });

  it('BatchMatMul, with every transposition', () =>
    fc.assert(
      fc.asyncProperty(sizes, ({ rows, depth, columns, transposeA, transposeB }) =>
        expectSameOnBoth(() =>
          runKernel(
            'BatchMatMul',
            {
              a: noise(transposeA ? [1, depth, rows] : [1, rows, depth], 1),
              b: noise(transposeB ? [1, columns, depth] : [1, depth, columns], 2),
            },
            { transposeA, transposeB },
          ),
        ),
      ),
      { numRuns: 100 },
    ));

  it('_FusedMatMul with bias and ReLU', () =>
    fc.assert(
      fc.asyncProperty(sizes, ({ rows, depth, columns, transposeB }) =>
        expectSameOnBoth(() =>
          runKernel(
            '_FusedMatMul',
            {
              a: noise([1, rows, depth], 1),
              b: noise(transposeB ? [1, columns, depth] : [1, depth, columns], 2),
              bias: noise([columns], 3),
            },
            { transposeA: false, transposeB, activation: 'relu' },
          ),
        ),
      ),
      { numRuns: 100 },
    ));

  it('leaves several matrices in one call to the backend', () =>
    expectSameOnBoth(() =>
      runKernel(
        'BatchMatMul',
        { a: noise([3, 4, 5], 1), b: noise([3, 5, 6], 2) },
        { transposeA: false, transposeB: false },
      ),
    ));
});

describe('the other gradients equal the cpu backend', () => {
  it('MaxPoolGrad, ties and odd sizes included', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 1, max: 12 }),
        (height, width, channels) =>
          expectSameOnBoth(() => {
            // Rounded, so that most windows hold their largest value more than once.
            const input = tf.relu(tf.round(tf.mul(noise([2, height, width, channels], 5), 2)));
            const attrs = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' };
            const output = runKernel('MaxPool', { x: input }, attrs);
            return runKernel('MaxPoolGrad', { dy: noise(output.shape, 6), input, output }, attrs);
          }),
      ),
      { numRuns: 60 },
    ));

  it('MaxPoolGrad of windows that overlap or are padded', () =>
    expectSameOnBoth(() => {
      const input = noise([2, 7, 7, 4], 5);
      return [[2, 1, 'valid'] as const, [3, 2, 'same'] as const].map(([size, stride, pad]) => {
        const attrs = { filterSize: [size, size], strides: [stride, stride], pad };
        const output = runKernel('MaxPool', { x: input }, attrs);
        return runKernel('MaxPoolGrad', { dy: noise(output.shape, 6), input, output }, attrs);
      });
    }));

  it('ReluGrad, of any length', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100 }), (length) =>
        expectSameOnBoth(() =>
          runKernel('ReluGrad', { dy: noise([length], 1), y: tf.relu(noise([length], 2)) }, {}),
        ),
      ),
    ));

  it('Sum over all axes but the last, and over others', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 2, maxLength: 4 }),
        (shape) =>
          expectSameOnBoth(() => {
            const x = noise(shape, 3);
            const leading = shape.slice(1).map((_, axis) => axis);
            return [tf.sum(x, leading), tf.sum(x), tf.sum(x, -1), tf.sum(x, [0], true)];
          }),
      ),
    ));
});
