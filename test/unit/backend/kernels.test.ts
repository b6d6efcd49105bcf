import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectSameOnBoth, noise, prepareBackends, valuesOn } from '../../support/backends.ts';

beforeAll(prepareBackends);

const run = (name: string, inputs: Record<string, tf.Tensor>, attrs: Record<string, unknown>) =>
  tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap) as tf.Tensor;

const convolutions = fc.record({
  images: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 3, max: 9 }),
  width: fc.integer({ min: 3, max: 9 }),
  inChannels: fc.integer({ min: 1, max: 9 }),
  outChannels: fc.integer({ min: 1, max: 17 }),
  filterHeight: fc.integer({ min: 1, max: 3 }),
  filterWidth: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 2 }),
  pad: fc.constantFrom('same' as const, 'valid' as const),
  seed: fc.integer({ min: 0, max: 1000 }),
});

/** Winograd's transforms of 4x4 tiles round more than products do: by about 1e-5 of the sum of all magnitudes, of which most cancel out here. */
const largeTilesTolerance = 2e-4;

type Convolution = typeof convolutions extends fc.Arbitrary<infer T> ? T : never;

const attributes = ({ stride, pad }: Convolution) => ({
  strides: [stride, stride],
  pad,
  dataFormat: 'NHWC',
  dilations: [1, 1],
});

function outputShape(c: Convolution): number[] {
  const along = (size: number, filter: number) =>
    Math.ceil((c.pad === 'same' ? size : size - filter + 1) / c.stride);
  return [c.images, along(c.height, c.filterHeight), along(c.width, c.filterWidth), c.outChannels];
}

const inputShape = (c: Convolution) => [c.images, c.height, c.width, c.inChannels];
const filterShape = (c: Convolution) => [
  c.filterHeight,
  c.filterWidth,
  c.inChannels,
  c.outChannels,
];

async function forEachConvolution(check: (c: Convolution) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(convolutions, check), { numRuns: 60 });
}

describe('convolution kernels equal the cpu backend', () => {
  it('Conv2D', () =>
    forEachConvolution((c) =>
      expectSameOnBoth(() =>
        run(
          'Conv2D',
          { x: noise(inputShape(c), c.seed), filter: noise(filterShape(c), c.seed + 1) },
          attributes(c),
        ),
      ),
    ));

  it('FusedConv2D with bias and ReLU', () =>
    forEachConvolution((c) =>
      expectSameOnBoth(() =>
        run(
          'FusedConv2D',
          {
            x: noise(inputShape(c), c.seed),
            filter: noise(filterShape(c), c.seed + 1),
            bias: noise([c.outChannels], c.seed + 2),
          },
          { ...attributes(c), activation: c.seed % 2 ? 'relu' : 'linear' },
        ),
      ),
    ));

  it('Conv2DBackpropInput', () =>
    forEachConvolution((c) =>
      expectSameOnBoth(() =>
        run(
          'Conv2DBackpropInput',
          { dy: noise(outputShape(c), c.seed), filter: noise(filterShape(c), c.seed + 1) },
          { ...attributes(c), inputShape: inputShape(c) },
        ),
      ),
    ));

  it('Conv2DBackpropFilter, which the stock wasm backend does not have', () =>
    forEachConvolution((c) =>
      expectSameOnBoth(() =>
        run(
          'Conv2DBackpropFilter',
          { x: noise(inputShape(c), c.seed), dy: noise(outputShape(c), c.seed + 1) },
          { ...attributes(c), filterShape: filterShape(c) },
        ),
      ),
    ));

  it('the shapes of the network itself, batch 3', async () => {
    for (const [size, inChannels, outChannels] of [
      [28, 1, 32],
      [14, 32, 64],
      [7, 64, 128],
    ] as const) {
      const c: Convolution = {
        images: 3,
        height: size,
        width: size,
        inChannels,
        outChannels,
        filterHeight: 3,
        filterWidth: 3,
        stride: 1,
        pad: 'same',
        seed: size,
      };
      await expectSameOnBoth(() => {
        const [x, dy] = [noise(inputShape(c), 1), noise(outputShape(c), 2)];
        const filter = noise(filterShape(c), 3);
        return [
          run('Conv2D', { x, filter }, attributes(c)),
          run('Conv2DBackpropInput', { dy, filter }, { ...attributes(c), inputShape: x.shape }),
          run('Conv2DBackpropFilter', { x, dy }, { ...attributes(c), filterShape: filter.shape }),
        ];
      }, largeTilesTolerance);
    }
  });

  it('3x3 convolutions with many channels, of any size', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({
          images: fc.integer({ min: 1, max: 5 }),
          height: fc.integer({ min: 3, max: 11 }),
          width: fc.integer({ min: 3, max: 11 }),
          inChannels: fc.constantFrom(16, 24, 40),
          outChannels: fc.constantFrom(16, 24, 40),
          seed: fc.integer({ min: 0, max: 1000 }),
        }),
        ({ seed, ...sizes }) => {
          const c: Convolution = {
            ...sizes,
            filterHeight: 3,
            filterWidth: 3,
            stride: 1,
            pad: 'same',
            seed,
          };
          return expectSameOnBoth(() => {
            const [x, dy] = [noise(inputShape(c), seed), noise(outputShape(c), seed + 1)];
            const filter = noise(filterShape(c), seed + 2);
            const inputs = { x, filter, bias: noise([c.outChannels], seed + 3) };
            return [
              run('FusedConv2D', inputs, { ...attributes(c), activation: 'relu6' }),
              run('Conv2D', { x, filter }, attributes(c)),
              run('Conv2DBackpropInput', { dy, filter }, { ...attributes(c), inputShape: x.shape }),
              run(
                'Conv2DBackpropFilter',
                { x, dy },
                { ...attributes(c), filterShape: filter.shape },
              ),
            ];
          }, largeTilesTolerance);
        },
      ),
      { numRuns: 40 },
    ));

  it('a 3x3 convolution whose tiles take several passes', () =>
    expectSameOnBoth(() => {
      const c = { images: 2, height: 36, width: 41, inChannels: 16, outChannels: 32, seed: 5 };
      const square = { filterHeight: 3, filterWidth: 3, stride: 1, pad: 'same' as const };
      const all: Convolution = { ...c, ...square };
      const [x, dy] = [noise(inputShape(all), 1), noise(outputShape(all), 2)];
      const filter = noise(filterShape(all), 3);
      return [
        run('Conv2D', { x, filter }, attributes(all)),
        run('Conv2DBackpropFilter', { x, dy }, { ...attributes(all), filterShape: filter.shape }),
      ];
    }, 2 * largeTilesTolerance));

  it('leaves a dilated convolution to the backend', () =>
    expectSameOnBoth(() =>
      run(
        'Conv2D',
        { x: noise([1, 9, 9, 2], 1), filter: noise([3, 3, 2, 4], 2) },
        { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [2, 2] },
      ),
    ));
});

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
          run(
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
          run(
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
      run(
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
            const output = run('MaxPool', { x: input }, attrs);
            return run('MaxPoolGrad', { dy: noise(output.shape, 6), input, output }, attrs);
          }),
      ),
      { numRuns: 60 },
    ));

  it('MaxPoolGrad of windows that overlap or are padded', () =>
    expectSameOnBoth(() => {
      const input = noise([2, 7, 7, 4], 5);
      return [[2, 1, 'valid'] as const, [3, 2, 'same'] as const].map(([size, stride, pad]) => {
        const attrs = { filterSize: [size, size], strides: [stride, stride], pad };
        const output = run('MaxPool', { x: input }, attrs);
        return run('MaxPoolGrad', { dy: noise(output.shape, 6), input, output }, attrs);
      });
    }));

  it('ReluGrad, of any length', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100 }), (length) =>
        expectSameOnBoth(() =>
          run('ReluGrad', { dy: noise([length], 1), y: tf.relu(noise([length], 2)) }, {}),
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

it('computes the same bits every time', async () => {
  const compute = () =>
    run(
      'Conv2DBackpropFilter',
      { x: noise([8, 14, 14, 32], 1), dy: noise([8, 14, 14, 64], 2) },
      { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 32, 64] },
    );
  expect(await valuesOn('wasm', compute)).toEqual(await valuesOn('wasm', compute));
});
