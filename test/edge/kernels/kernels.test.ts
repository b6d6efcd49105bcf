import {
  engine,
  maxPool,
  profile,
  type Tensor,
  type Tensor4D,
  tensor,
  tidy,
  util,
} from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { _fusedMatMulConfig, fusedConv2DConfig } from '#tensorflow';
import { pooledConvolutionName } from '../../../edge/kernels/pooled-convolution.ts';
import {
  prepareConvolution,
  prepareDense,
  preparedConvolutions,
} from '../../../edge/kernels/prepared.ts';
import { registerKernels } from '../../../edge/kernels/register.ts';
import { openWorkspace } from '../../../edge/kernels/workspace.ts';
import { createModel } from '../../../edge/model/loaded-model.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import type { Manifest } from '../../../shared/registry/manifest.ts';
import { models, testImage } from '../../support/edge/bucket.ts';

beforeAll(registerKernels);

/** Deterministic values in -1..1; a third of them 0, as after ReLU. */
function noise(shape: number[], seed: number): Tensor {
  const values = Float32Array.from({ length: util.sizeFromShape(shape) }, (_, index) =>
    index % 3 === 0 ? 0 : Math.sin((index + 1) * 12.9898 + seed * 78.233),
  );
  return tensor(values, shape);
}

function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  const [found, wanted] = [actual.dataSync<'float32'>(), expected.dataSync<'float32'>()];
  const scale = Math.max(1, ...wanted.map(Math.abs));
  for (const [index, value] of wanted.entries()) {
    if (!(Math.abs((found[index] as number) - value) <= 1e-5 * scale)) {
      expect.fail(`value ${index}: ${found[index]} by the kernel, ${value} by the stock one`);
    }
  }
}

interface Convolution {
  images: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
  filterHeight: number;
  filterWidth: number;
  activation: string;
  seed: number;
}

const convolutions: fc.Arbitrary<Convolution> = fc.record({
  images: fc.integer({ min: 1, max: 6 }),
  height: fc.integer({ min: 2, max: 11 }),
  width: fc.integer({ min: 2, max: 11 }),
  // 32 and 64: products of one chunk and of two.
  inChannels: fc.constantFrom(1, 3, 4, 16, 20, 32, 64),
  outChannels: fc.constantFrom(1, 5, 8, 16, 24, 32, 64),
  filterHeight: fc.integer({ min: 1, max: 4 }),
  filterWidth: fc.integer({ min: 1, max: 4 }),
  activation: fc.constantFrom('relu', 'linear'),
  seed: fc.nat(1000),
});

describe('the pooled convolution equals the stock kernels', () => {
  function compare(shape: Convolution): 'winograd' | 'direct' | undefined {
    const { images, height, width, inChannels, outChannels, activation, seed } = shape;
    return tidy(() => {
      const x = noise([images, height, width, inChannels], seed);
      const filter = noise(
        [shape.filterHeight, shape.filterWidth, inChannels, outChannels],
        seed + 1,
      );
      const bias = noise([outChannels], seed + 2);
      prepareConvolution(
        openWorkspace(),
        filter.dataId,
        filter.shape,
        filter.dataSync<'float32'>(),
      );
      const actual = engine().runKernel(pooledConvolutionName, { x, filter, bias }, { activation });
      const convolved = engine().makeTensorFromTensorInfo(
        fusedConv2DConfig.kernelFunc({
          inputs: { x, filter, bias },
          backend: engine().backend,
          attrs: {
            strides: [1, 1],
            pad: 'same',
            dataFormat: 'NHWC',
            dilations: [1, 1],
            activation,
          },
        }) as Tensor,
      );
      expectClose(actual as Tensor, maxPool(convolved as Tensor4D, 2, 2, 'valid'));
      return preparedConvolutions.get(filter.dataId)?.algorithm;
    });
  }

  it('over shapes of every kind', () => {
    fc.assert(
      fc.property(convolutions, (shape) => void compare(shape)),
      { numRuns: 150 },
    );
  });

  it("by Winograd's algorithm for 3x3 over many channels", () => {
    const threeByThree = convolutions.map((shape) => ({
      ...shape,
      filterHeight: 3,
      filterWidth: 3,
      inChannels: 16 + (shape.inChannels & ~3),
      outChannels: 8 * Math.ceil(shape.outChannels / 8),
    }));
    fc.assert(
      fc.property(threeByThree, (shape) => {
        expect(compare(shape)).toBe('winograd');
      }),
      { numRuns: 60 },
    );
  });

  it('with a filter that was not prepared', () => {
    tidy(() => {
      const x = noise([1, 6, 6, 2], 1);
      const bias = noise([4], 3);
      const run = (filter: Tensor) =>
        engine().runKernel(
          pooledConvolutionName,
          { x, filter, bias },
          { activation: 'relu' },
        ) as Tensor;
      const packed = noise([3, 3, 2, 4], 2);
      prepareConvolution(
        openWorkspace(),
        packed.dataId,
        packed.shape,
        packed.dataSync<'float32'>(),
      );
      expectClose(run(noise([3, 3, 2, 4], 2)), run(packed));
    });
  });
});

describe('the dense kernel equals the stock kernel', () => {
  it('over shapes of every kind', () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 9 }),
      depth: fc.integer({ min: 1, max: 70 }),
      columns: fc.integer({ min: 1, max: 70 }),
      activation: fc.constantFrom('relu', 'linear'),
      seed: fc.nat(1000),
    });
    fc.assert(
      fc.property(shapes, ({ rows, depth, columns, activation, seed }) => {
        tidy(() => {
          const a = noise([1, rows, depth], seed);
          const b = noise([1, depth, columns], seed + 1);
          const bias = noise([columns], seed + 2);
          prepareDense(openWorkspace(), b.dataId, [depth, columns], b.dataSync<'float32'>());
          const attrs = { transposeA: false, transposeB: false, activation };
          const inputs = { a, b, bias };
          const actual = engine().runKernel('_FusedMatMul', inputs, attrs) as Tensor;
          const stock = _fusedMatMulConfig.kernelFunc({
            inputs,
            backend: engine().backend,
            attrs,
          }) as Tensor;
          expectClose(actual, engine().makeTensorFromTensorInfo(stock));
        });
      }),
      { numRuns: 150 },
    );
  });
});

describe('a loaded model', () => {
  async function load() {
    const json = JSON.parse(new TextDecoder().decode(models.one.json));
    return createModel({
      manifest: { version: 'test', model: fashionMnistCnn } as Manifest,
      topology: json.modelTopology,
      weightSpecs: json.weightsManifest[0].weights,
      weights: new Uint8Array(models.one.weights),
    });
  }
  const inputOf = (count: number) =>
    normalizePixels(
      Array.from({ length: count }, (_, index) => Array.from(testImage(index))).flat(),
      fashionMnistCnn.preprocessing,
    );

  it("runs on these kernels of TensorFlow.js's registry", async () => {
    const model = await load();
    const { kernelNames } = await profile(() => model.predict(inputOf(1), 1));
    expect(kernelNames.toSorted()).toEqual(
      [pooledConvolutionName, 'Reshape', '_FusedMatMul'].toSorted(),
    );
  });

  it("gives the stock backend's logits within 1e-4, singly and in a batch", async () => {
    const model = await load();
    const batch = model.predict(inputOf(10), 10);
    for (const [index, logits] of models.one.logits.entries()) {
      const single = model.predict(inputOf(10).subarray(index * 784, (index + 1) * 784), 1);
      for (const [id, expected] of logits.entries()) {
        expect(Math.abs((batch[index * 10 + id] as number) - expected)).toBeLessThan(1e-4);
        expect(Math.abs((single[id] as number) - expected)).toBeLessThan(1e-4);
      }
    }
  });
});
