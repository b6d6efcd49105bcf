import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildModel } from '../../../shared/model/build-model.ts';
import { cnnFor, fashionMnistCnn, type ModelSpec } from '../../../shared/model/model-spec.ts';
import { distilledLoss, openTeachers, type Teacher } from '../../../trainer/train/distillation.ts';
import { crossEntropy, forward } from '../../../trainer/train/forward.ts';
import { recipes } from '../../../trainer/train/recipes.ts';
import { train } from '../../../trainer/train/train.ts';
import { expectSameOnBoth, noise, prepareBackends, valuesOn } from '../../support/backends.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';

beforeAll(prepareBackends);

// From torch 2.13: (1 - w) * cross_entropy(logits, [2, 1]) + w * T ** 2 * kl_div(log_softmax(logits / T),
// log_softmax(taught / T), reduction='batchmean', log_target=True), and its gradient; in the last line each row has a weight.
it.each([
  [1, 0.5, null, 0.7895051, [0.2619415, -0.0160704, -0.2458711, 0.0195301, 0.1422724, -0.1618025]],
  [4, 0.7, null, 1.0769408, [0.2726332, -0.1021173, -0.1705159, 0.1125238, 0.2014416, -0.3139653]],
  [2.5, 1, null, 1.2599717, [0.2542492, -0.1258801, -0.1283691, 0.1083205, 0.3596368, -0.4679573]],
  [
    4,
    0.7,
    [2, 0.5],
    1.0916386,
    [0.5452664, -0.2042346, -0.3410317, 0.0562619, 0.1007208, -0.1569827],
  ],
])(
  'the loss at T = %d, w = %d, rows %j is that of PyTorch',
  async (temperature, weight, rows, loss, gradient) => {
    for (const backend of ['cpu', 'wasm'] as const) {
      const [value, ...slopes] = await valuesOn(backend, () => {
        const answers = tf.tensor1d([2, 1], 'int32');
        const taught = tf.tensor2d([0.5, 0.25, 2, -1, 2, 4], [2, 3]);
        const weights = rows && tf.tensor2d(rows, [2, 1]);
        const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
          const logits = x as tf.Tensor2D;
          const own = crossEntropy(logits, answers, 2, 0, weights);
          const distillation = { teachers: [], temperature, weight };
          return distilledLoss(own, logits, taught, distillation, 2, weights);
        })(tf.tensor2d([1, -2, 0.5, 0, 3, 1], [2, 3]));
        return [value, grad];
      });
      expect(value).toBeCloseTo(loss, 5);
      for (const [i, slope] of gradient.entries()) expect(slopes[i]).toBeCloseTo(slope, 5);
    }
  },
);

/** Networks of other widths and weights. */
async function teachersOf(seeds: number[]): Promise<Teacher[]> {
  await tf.setBackend('cpu');
  const narrow = {
    ...fashionMnistCnn,
    layers: fashionMnistCnn.layers.map((layer) =>
      layer.type === 'conv2d' ? { ...layer, filters: layer.filters / 4 } : layer,
    ),
  };
  return seeds.map((seed) => {
    const spec = seed % 2 === 0 ? narrow : fashionMnistCnn;
    return { spec, weights: valuesOf(spec, seed) };
  });
}

const valuesOf = (spec: ModelSpec, seed: number) =>
  buildModel(spec, seed)
    .getWeights()
    .map((weight) => ({ shape: weight.shape, values: weight.dataSync() as Float32Array }));

it("takes the mean of the teachers' logits", async () => {
  const teachers = await teachersOf([1, 2, 3]);
  await expectSameOnBoth(() => {
    const images = noise([3, 28, 28, 1], 4);
    if (tf.getBackend() === 'wasm') return openTeachers(teachers)(images);
    const logits = teachers.map(({ spec, weights }) =>
      forward(
        spec,
        weights.map(({ shape, values }) => tf.tensor(values, [...shape])),
        images,
        null,
      ),
    );
    return tf.div(tf.addN(logits), 3);
  });
});

it('has the same gradients on both backends', async () => {
  const small: ModelSpec = {
    ...fashionMnistCnn,
    inputShape: [6, 6, 1],
    layers: [
      { type: 'conv2d', filters: 3, kernelSize: 3 },
      { type: 'maxPool2d', poolSize: 2 },
      { type: 'flatten' },
      { type: 'dense', units: 10, activation: 'linear' },
    ],
  };
  await expectSameOnBoth(() => {
    const images = noise([3, 6, 6, 1], 4);
    const teachers = [1, 2].map((seed) => ({ spec: small, weights: valuesOf(small, seed) }));
    const taught = openTeachers(teachers)(images);
    const labels = tf.tensor1d([1, 0, 7], 'int32');
    const distillation = { teachers, temperature: 3, weight: 0.6 };
    return tf.grads((...weights: tf.Tensor[]) => {
      const logits = forward(small, weights, images, null);
      return distilledLoss(crossEntropy(logits, labels, 3), logits, taught, distillation, 3);
    })(buildModel(small, 7).getWeights());
  });
});

describe('a training with a teacher', () => {
  /** @returns the weights after an epoch on a hundred images */
  async function weightsAfter(weight: number | null, relabelled: boolean): Promise<Float32Array> {
    const teachers = await teachersOf([2, 3]);
    const { images, labels } = await firstTestImages();
    const set = {
      images: images.subarray(0, 78_400),
      labels: labels.subarray(0, 100).map((label) => (relabelled ? 9 - label : label)),
      count: 100,
    };
    const events = train({
      spec: fashionMnistCnn,
      dataset: { train: set, test: set },
      recipe: { ...recipes.best, epochs: 1, warmupEpochs: 0, batchSize: 30, averageDecay: 0 },
      distillation: weight === null ? undefined : { teachers, temperature: 2, weight },
      seed: 1,
      backend: 'wasm',
      threads: 2,
    });
    for await (const event of events) {
      if (event.event === 'epoch') {
        return new Float32Array(event.artifacts.weightData as ArrayBuffer);
      }
    }
    throw new Error('There was no epoch.');
  }

  it('learns only from the teacher with a weight of 1, and only from the labels with 0', async () => {
    const taught = await weightsAfter(1, false);
    expect(taught.every(Number.isFinite)).toBe(true);
    expect(await weightsAfter(1, true)).toEqual(taught);
    const plain = await weightsAfter(null, false);
    expect(plain).not.toEqual(taught);
    expect(await weightsAfter(0, false)).toEqual(plain);
    expect(await weightsAfter(0.5, false)).not.toEqual(await weightsAfter(0.5, true));
  });
});

it('knows a wide network, with twice the channels and units', () => {
  const spec = cnnFor(
    {
      name: 'wide',
      height: 28,
      width: 28,
      labels: ['a', 'b', 'c'],
      fit: 'contain',
      background: { kind: 'keep' },
    },
    'wide',
  );
  const model = buildModel(spec, 1);
  expect(model.countParams()).toBe(2_733_059);
  expect(spec.layers.at(-1)).toMatchObject({ units: 3 });
});
