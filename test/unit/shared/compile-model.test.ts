import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { compileModel } from '../../../shared/model/compile/compile-model.ts';
import { runPlan, segmentKernel } from '../../../shared/model/compile/run-plan.ts';
import { exactForward } from '../../support/models/exact-forward.ts';
import { openMachine } from '../../support/models/open-machine.ts';
import { buildRandomNetwork, randomNetworks } from '../../support/models/random-network.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
  tf.registerKernel(segmentKernel);
});

/** The largest difference from the stock kernels, relative to the largest output. */
function difference(model: tfl.LayersModel, images: number, simd: 'relaxed-simd' | 'simd'): number {
  return tf.tidy(() => {
    const shape = model.inputs[0]?.shape.slice(1) as number[];
    const x = tf.randomUniform([images, ...shape], -1, 1, 'float32', 7);
    const plan = compileModel(model, () => openMachine(simd));
    if (!plan) throw new Error('The model was not compiled.');
    const run = () =>
      runPlan(plan, (name, inputs, attrs) => tf.engine().runKernel(name, inputs, attrs), x);
    const expected = model.predict(x) as tf.Tensor;
    // The second run finds the memory as the first left it.
    run();
    const actual = run();
    expect(actual.shape).toEqual(expected.shape);
    const largest = tf.max(tf.abs(expected)).dataSync()[0] ?? 0;
    const apart = tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0] ?? Number.NaN;
    return apart / Math.max(1, largest);
  });
}

describe('a compiled model equals the stock kernels', () => {
  it.each(['relaxed-simd', 'simd'] as const)('over random networks (%s)', (simd) => {
    fc.assert(
      fc.property(randomNetworks, (network) => {
        const model = buildRandomNetwork(network);
        const apart = difference(model, network.images, simd);
        model.dispose();
        // Softmax multiplies the differences of logits, which may be large.
        expect(apart).toBeLessThan(network.softmax ? 1e-4 : 2e-5);
      }),
      { numRuns: inject('whole') ? 2000 : 60 },
    );
  });
});

it('a compiled model is as exact as the stock kernels, also if biases are large', () => {
  const { layers } = tfl;
  const input = tfl.input({ shape: [12, 12, 64] });
  let x = input;
  for (let block = 0; block < 4; block++) {
    const apart = layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', useBias: false });
    const pixels = layers.conv2d({ filters: 64, kernelSize: 1, useBias: false });
    for (const layer of [apart, pixels]) {
      x = layers.batchNormalization().apply(layer.apply(x)) as tfl.SymbolicTensor;
      x = layers.reLU().apply(x) as tfl.SymbolicTensor;
    }
  }
  const model = tfl.model({ inputs: input, outputs: x });
  model.setWeights(
    model.weights.map(({ originalName, shape }, at) => {
      const isVariance = originalName.endsWith('variance');
      const isShift = originalName.endsWith('beta');
      const [lowest, highest] = isVariance ? [0.01, 1] : isShift ? [2, 9] : [-0.3, 0.3];
      return tf.randomUniform(shape as number[], lowest, highest, 'float32', at);
    }),
  );
  const image = tf.randomUniform([1, 12, 12, 64], -1, 1, 'float32', 7);
  const exact = exactForward(model, image.dataSync<'float32'>());
  const distance = (values: Float32Array) =>
    Math.max(...exact.map((value, at) => Math.abs(value - (values[at] as number))));
  const stock = distance((model.predict(image) as tf.Tensor).dataSync<'float32'>());
  const plan = compileModel(model, () => openMachine('relaxed-simd'));
  if (!plan) throw new Error('The model was not compiled.');
  const run = tf.engine().runKernel.bind(tf.engine());
  const compiled = distance(runPlan(plan, run, image).dataSync<'float32'>());
  expect(compiled / stock).toBeLessThan(1.5);
});

it('a window that reaches out of the image pools only what is in it', () => {
  const input = tfl.input({ shape: [7, 7, 16] });
  const convolution = tfl.layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same' });
  const pooling = tfl.layers.maxPooling2d({ poolSize: 2, strides: 2, padding: 'same' });
  const outputs = pooling.apply(convolution.apply(input)) as tfl.SymbolicTensor;
  const model = tfl.model({ inputs: input, outputs });
  model.setWeights(
    model.getWeights().map(({ shape }) => tf.randomUniform(shape, -1, 1, 'float32', 3)),
  );
  expect(difference(model, 1, 'relaxed-simd')).toBeLessThan(2e-5);
});

describe('operations are merged', () => {
  const { layers } = tfl;

  /** The names of the steps that a model of these layers compiles to. */
  function stepsOf(...chain: tfl.layers.Layer[]): string[] {
    const input = tfl.input({ shape: [8, 8, 16] });
    const output = chain.reduce((x, layer) => layer.apply(x) as tfl.SymbolicTensor, input);
    const model = tfl.model({ inputs: input, outputs: output });
    const plan = compileModel(model, () => openMachine('relaxed-simd'));
    return plan?.steps.map((step) => (step.kind === 'stock' ? step.name : step.kind)) ?? [];
  }

  it('so that a network of known layers is one segment', () => {
    expect(
      stepsOf(
        layers.zeroPadding2d({ padding: 1 }),
        layers.conv2d({ filters: 16, kernelSize: 3, strides: 2 }),
        layers.batchNormalization(),
        layers.reLU({ maxValue: 6 }),
        layers.globalAveragePooling2d({}),
        layers.dense({ units: 4, activation: 'softmax' }),
      ),
    ).toEqual(['segment']);
  });

  it('and so is one with curves and several outputs per channel', () => {
    expect(
      stepsOf(
        layers.conv2d({ filters: 8, kernelSize: 3, activation: 'swish' }),
        layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, activation: 'sigmoid' }),
        layers.activation({ activation: 'hardSigmoid' }),
        layers.activation({ activation: 'tanh' }),
      ),
    ).toEqual(['segment']);
  });

  it('and an unknown layer is a step between two', () => {
    expect(
      stepsOf(
        layers.conv2d({ filters: 8, kernelSize: 3, activation: 'elu' }),
        layers.leakyReLU(),
        layers.flatten(),
      ),
    ).toEqual(['segment', 'Conv2D with elu', 'LeakyReLU', 'segment']);
  });

  it('but several inputs are not compiled', () => {
    const inputs = [tfl.input({ shape: [4, 4, 4] }), tfl.input({ shape: [4, 4, 4] })];
    const outputs = layers.add().apply(inputs) as tfl.SymbolicTensor;
    expect(compileModel(tfl.model({ inputs, outputs }), () => openMachine('simd'))).toBeNull();
  });
});
