import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { convolveAndPool } from '../../../trainer/backend/fused-operations.ts';
import { expectSameOnBoth, noise, prepareBackends, valuesOn } from '../../support/backends.ts';

beforeAll(prepareBackends);

interface Shape {
  images: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  images: fc.integer({ min: 1, max: 5 }),
  height: fc.integer({ min: 2, max: 9 }),
  width: fc.integer({ min: 2, max: 9 }),
  // Few, as many as Winograd takes, and enough for whole blocks and what is left of them.
  inChannels: fc.constantFrom(1, 2, 3, 5, 16, 20, 32, 37, 68),
  outChannels: fc.constantFrom(1, 3, 7, 8, 16, 24),
});

function inputsOf({ images, height, width, inChannels, outChannels }: Shape) {
  return {
    x: noise([images, height, width, inChannels], 1),
    filter: noise([3, 3, inChannels, outChannels], 2),
    bias: noise([outChannels], 3),
    weights: noise([images, height >> 1, width >> 1, outChannels], 4),
  };
}

/** On wasm the kernel in one pass, on cpu TensorFlow.js's own convolution, ReLU and pooling. */
function pooled(x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  if (tf.getBackend() === 'wasm') return convolveAndPool(x, filter, bias, true);
  const convolved = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
  return tf.maxPool(tf.relu(tf.add(convolved, bias)) as tf.Tensor4D, 2, 2, 'valid');
}

describe('convolution, ReLU and pooling in one pass equal the separate kernels of the cpu backend', () => {
  it('forward', () =>
    fc.assert(
      fc.asyncProperty(shapes, (shape) =>
        expectSameOnBoth(() => {
          const { x, filter, bias } = inputsOf(shape);
          return pooled(x, filter, bias);
        }),
      ),
      { numRuns: 60 },
    ));

  it('the gradients of input, filter and bias', () =>
    fc.assert(
      fc.asyncProperty(shapes, (shape) =>
        expectSameOnBoth(() => {
          const { x, filter, bias, weights } = inputsOf(shape);
          return tf.grads((...tensors: tf.Tensor[]) =>
            tf.sum(tf.mul(pooled(...(tensors as [tf.Tensor, tf.Tensor, tf.Tensor])), weights)),
          )([x, filter, bias]);
        }),
      ),
      { numRuns: 60 },
    ));

  it('the same at the shapes of the network', async () => {
    for (const [size, inChannels, outChannels] of [
      [28, 1, 32],
      [14, 32, 64],
      [7, 64, 128],
    ] as const) {
      await expectSameOnBoth(() => {
        const shape = { images: 2, height: size, width: size, inChannels, outChannels };
        const { x, filter, bias, weights } = inputsOf(shape);
        return tf.grads((...tensors: tf.Tensor[]) =>
          tf.sum(tf.mul(pooled(...(tensors as [tf.Tensor, tf.Tensor, tf.Tensor])), weights)),
        )([x, filter, bias]);
      });
    }
  });

  it('the same for more images than one pass handles', () =>
    expectSameOnBoth(() => {
      const shape = { images: 75, height: 2, width: 3, inChannels: 4, outChannels: 8 };
      const { x, filter, bias, weights } = inputsOf(shape);
      return tf.grads((...tensors: tf.Tensor[]) =>
        pooled(...(tensors as [tf.Tensor, tf.Tensor, tf.Tensor])),
      )([x, filter, bias], weights);
    }));

  it('gives the gradient to the first of equal values', () =>
    expectSameOnBoth(() => {
      const x = tf.ones([1, 6, 6, 1]);
      const filter = tf.ones([3, 3, 1, 8]);
      const bias = tf.zeros([8]);
      return tf.grads((...tensors: tf.Tensor[]) =>
        tf.sum(pooled(...(tensors as [tf.Tensor, tf.Tensor, tf.Tensor]))),
      )([x, filter, bias]);
    }));

  it('does not compute the gradient of an input that is not needed', async () => {
    const shape = { images: 2, height: 6, width: 6, inChannels: 1, outChannels: 8 };
    const gradients = (withInput: boolean) => () => {
      const { x, filter, bias, weights } = inputsOf(shape);
      return tf.grads((kernel: tf.Tensor, offset: tf.Tensor) =>
        tf.sum(tf.mul(convolveAndPool(x, kernel, offset, withInput), weights)),
      )([filter, bias]);
    };
    expect(await valuesOn('wasm', gradients(false))).toEqual(
      await valuesOn('wasm', gradients(true)),
    );
  });
});
