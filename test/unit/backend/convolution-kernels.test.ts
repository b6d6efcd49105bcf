import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  expectSameOnBoth,
  noise,
  prepareBackends,
  runKernel,
  valuesOn,
} from '../../support/backends.ts';

beforeAll(prepareBackends);

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
        runKernel(
          'Conv2D',
          { x: noise(inputShape(c), c.seed), filter: noise(filterShape(c), c.seed + 1) },
          attributes(c),
        ),
      ),
    ));

  it('FusedConv2D with bias and ReLU', () =>
    forEachConvolution((c) =>
      expectSameOnBoth(() =>
        runKernel(
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
        runKernel(
          'Conv2DBackpropInput',
          { dy: noise(outputShape(c), c.seed), filter: noise(filterShape(c), c.seed + 1) },
          { ...attributes(c), inputShape: inputShape(c) },
        ),
      ),
    ));

  it('Conv2DBackpropFilter, which the stock wasm backend does not have', () =>
    forEachConvolution((c) =>
      expectSameOnBoth(() =>
        runKernel(
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
          runKernel('Conv2D', { x, filter }, attributes(c)),
          runKernel(
            'Conv2DBackpropInput',
            { dy, filter },
            { ...attributes(c), inputShape: x.shape },
          ),
          runKernel(
            'Conv2DBackpropFilter',
            { x, dy },
            { ...attributes(c), filterShape: filter.shape },
          ),
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
              runKernel('FusedConv2D', inputs, { ...attributes(c), activation: 'relu6' }),
              runKernel('Conv2D', { x, filter }, attributes(c)),
              runKernel(
                'Conv2DBackpropInput',
                { dy, filter },
                { ...attributes(c), inputShape: x.shape },
              ),
              runKernel(
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
        runKernel('Conv2D', { x, filter }, attributes(all)),
        runKernel(
          'Conv2DBackpropFilter',
          { x, dy },
          { ...attributes(all), filterShape: filter.shape },
        ),
      ];
    }, 2 * largeTilesTolerance));

  it('leaves a dilated convolution to the backend', () =>
    expectSameOnBoth(() =>
      runKernel(
        'Conv2D',
        { x: noise([1, 9, 9, 2], 1), filter: noise([3, 3, 2, 4], 2) },
        { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [2, 2] },
      ),
    ));
});

it('computes the same bits every time', async () => {
  const compute = () =>
    runKernel(
      'Conv2DBackpropFilter',
      { x: noise([8, 14, 14, 32], 1), dy: noise([8, 14, 14, 64], 2) },
      { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 32, 64] },
    );
  expect(await valuesOn('wasm', compute)).toEqual(await valuesOn('wasm', compute));
});
