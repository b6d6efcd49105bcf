import * as tf from '@tensorflow/tfjs-core';
import seedrandom from 'seedrandom';
import { describe, expect, it, vi } from 'vitest';
import { buildModel } from '../../../shared/model/build-model.ts';
import type { ModelSpec } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import { dropoutFactors, maskSeed } from '../../../shared/webgpu/head-kernel.ts';
import { openDevice } from '../../../shared/webgpu/open-device.ts';
import { openTraining } from '../../../shared/webgpu/open-training.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { openAdapter } from '../../../trainer/backend/webgpu/open-adapter.ts';
import { imagesBetween } from '../../../trainer/data/image-set.ts';
import { crossEntropy, forward } from '../../../trainer/train/forward.ts';
import { hasWebgpu, noisySet, specOf } from '../../support/webgpu.ts';

const isThere = await hasWebgpu();
// Software Vulkan compiles for seconds, and for minutes on a busy machine.
vi.setConfig({ testTimeout: 600_000 });

/** Every width of a product's block, odd sizes, a larger kernel, colours, and more labels than are computed at once. */
const spec: ModelSpec = {
  ...specOf(
    [13, 10, 3],
    [
      { type: 'conv2d', filters: 35, kernelSize: 5 },
      { type: 'maxPool2d', poolSize: 2 },
      { type: 'conv2d', filters: 66, kernelSize: 3 },
      { type: 'maxPool2d', poolSize: 2 },
      { type: 'flatten' },
      { type: 'dense', units: 20, activation: 'relu' },
      { type: 'dropout', rate: 0.4 },
      { type: 'dense', units: 19, activation: 'linear' },
    ],
  ),
  preprocessing: {
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.3, 0.25],
    fit: 'contain',
    background: { kind: 'keep' },
  },
};
const batch = 6;
/** The batch is an epoch's last one, and short. */
const count = 5;
const labelSmoothing = 0.1;
const labelWeights = Float32Array.from({ length: 19 }, (_, id) => 0.5 + id / 19);
const set = noisySet(spec, count, 'kernels');
const order = Uint32Array.from([3, 1, 0, 4, 2]);
const mask = maskSeed(7, 4);

/** A network's weights, larger than at the start of a training so that all kernels matter. */
function parametersOf(): Float32Array {
  const random = seedrandom.alea('weights');
  const length = buildModel(spec, 1).countParams();
  return Float32Array.from({ length }, () => 0.3 * (random() - 0.5));
}

const relativeError = (values: ArrayLike<number>, expected: ArrayLike<number>): number => {
  let [difference, norm] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += ((values[i] as number) - (expected[i] as number)) ** 2;
    norm += (expected[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
};

/** Takes one step of sgd, whose velocity is the gradient then. */
async function stepOnWebgpu(parameters: Float32Array) {
  const opened = await openDevice((await openAdapter()).adapter);
  const training = await openTraining(opened, {
    spec,
    batch,
    steps: 1,
    images: (from, end) => imagesBetween(set, from, end),
    labels: set.labels,
    settings: {
      labelSmoothing,
      labelWeights,
      augmentation: null,
      optimizer: 'sgd',
      weightDecay: 0,
      averageDecay: 0,
      beta1: 0,
      beta2: 0,
      epsilon: 0,
      momentum: 0.9,
    },
  });
  const vectors = {
    parameters: parameters.slice(),
    firstMoments: new Float32Array(parameters.length),
    secondMoments: new Float32Array(parameters.length),
    average: null,
  };
  training.load(vectors);
  training.startEpoch(order, null);
  let losses = new Float32Array();
  const numbers = { first: 0, count, mask, learningRate: 0.5 };
  const rest = { stepSize: 0, inverseCorrection: 0, averageShare: 0 };
  const keep = (_: number, values: Float32Array) => {
    losses = values.slice();
  };
  await training.train(0, [{ ...numbers, ...rest }], keep, () => true);
  await training.store(vectors);
  training.inference.setWeights(parameters);
  const logits = await training.inference.logitsOf(
    (from, end) => imagesBetween(set, from, end),
    set.count,
  );
  opened.close();
  return { ...vectors, losses, logits };
}

function weightsFrom(parameters: Float32Array): tf.Tensor[] {
  let offset = 0;
  return buildModel(spec, 1)
    .getWeights()
    .map(({ shape, size }) => {
      offset += size;
      return tf.tensor(parameters.slice(offset - size, offset), shape);
    });
}

/** The same with TensorFlow.js's own gradients. The mask replaces the dropout of the hidden layer. */
function stepOnCpu(parameters: Float32Array) {
  const size = set.images.length / set.count;
  const pixels = [...order].flatMap((image) => [
    ...set.images.subarray(image * size, (image + 1) * size),
  ]);
  const images = tf.tensor(normalizePixels(pixels, spec.preprocessing), [
    count,
    ...spec.inputShape,
  ]);
  const all = tf.tensor(normalizePixels(set.images, spec.preprocessing), [
    set.count,
    ...spec.inputShape,
  ]);
  const ids = tf.tensor1d(
    [...order].map((image) => set.labels[image] as number),
    'int32',
  );
  const weights = weightsFrom(parameters);
  const withoutLast = { ...spec, layers: spec.layers.slice(0, 6) };
  const dropout = tf.tensor(dropoutFactors(batch * 20, 0.4, mask).slice(0, count * 20), [
    count,
    20,
  ]);
  const ofLabels = tf.tensor2d([...ids.dataSync()].map((id) => [labelWeights[id] ?? 0]));
  const lossOf = (...tensors: tf.Tensor[]) => {
    const hidden = tf.mul(forward(withoutLast, tensors, images, null), dropout);
    const [kernel, bias] = tensors.slice(-2) as [tf.Tensor2D, tf.Tensor];
    const logits = tf.add(tf.matMul(hidden as tf.Tensor2D, kernel), bias) as tf.Tensor2D;
    return crossEntropy(logits, ids, count, labelSmoothing, ofLabels);
  };
  const { value, grads } = tf.valueAndGrads(lossOf)(weights);
  const logits = forward(spec, weights, all, null).dataSync();
  return {
    loss: value.dataSync()[0] as number,
    gradients: grads.map((grad) => grad.dataSync()),
    logits,
  };
}

describe.skipIf(!isThere)('the kernels of webgpu', () => {
  it("compute logits, losses, the gradients of all layers and the step as TensorFlow.js's cpu backend", async () => {
    await openBackend('cpu');
    const parameters = parametersOf();
    const own = await stepOnWebgpu(parameters);
    const expected = stepOnCpu(parameters);
    expect(relativeError(own.logits, expected.logits)).toBeLessThan(2e-6);
    expect(own.losses.length).toBe(count);
    const loss = own.losses.reduce((sum, value) => sum + value) / count;
    expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-5);
    let offset = 0;
    for (const [index, gradient] of expected.gradients.entries()) {
      const found = own.firstMoments.subarray(offset, offset + gradient.length);
      expect(relativeError(found, gradient), `weights ${index}`).toBeLessThan(2e-6);
      offset += gradient.length;
    }
    expect(offset).toBe(parameters.length);
    const stepped = parameters.map((value, i) => value - 0.5 * (own.firstMoments[i] as number));
    expect(relativeError(own.parameters, stepped)).toBeLessThan(1e-7);
  });
});

describe('the dropout mask of webgpu', () => {
  it('drops its share of the units, in another place at each step and seed', () => {
    const factors = dropoutFactors(20_000, 0.3, maskSeed(1, 0));
    const dropped = factors.filter((factor) => factor === 0).length;
    expect(Math.abs(dropped / 20_000 - 0.3)).toBeLessThan(0.015);
    expect(Math.max(...factors)).toBeCloseTo(1 / 0.7, 6);
    for (const other of [maskSeed(1, 1), maskSeed(2, 0), maskSeed(-1, 0)]) {
      const same = dropoutFactors(20_000, 0.3, other).filter((factor, i) => factor === factors[i]);
      // 0.3² + 0.7² = 58 % agree by chance.
      expect(Math.abs(same.length / 20_000 - 0.58)).toBeLessThan(0.02);
    }
  });
});
