import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn, type ModelSpec } from '../../../shared/model/model-spec.ts';
import { crossEntropy, forward } from '../../../trainer/train/forward.ts';
import { expectSameOnBoth, noise, prepareBackends, valuesOn } from '../../support/backends.ts';

beforeAll(prepareBackends);

/** The network's kinds of layers, small enough to differentiate number by number. */
const smallSpec: ModelSpec = {
  ...fashionMnistCnn,
  name: 'small',
  inputShape: [6, 6, 1],
  layers: [
    { type: 'conv2d', filters: 3, kernelSize: 3 },
    { type: 'maxPool2d', poolSize: 2 },
    { type: 'conv2d', filters: 5, kernelSize: 3 },
    { type: 'flatten' },
    { type: 'dense', units: 6, activation: 'relu' },
    { type: 'dropout', rate: 0.5 },
    { type: 'dense', units: 4, activation: 'linear' },
  ],
  labels: ['a', 'b', 'c', 'd'],
};

/** The tutorial's network for small pictures in colour. */
const colourSpec: ModelSpec = {
  ...fashionMnistCnn,
  inputShape: [18, 16, 3],
  layers: fashionMnistCnn.layers.map((layer) =>
    layer.type === 'dense' && layer.activation === 'relu' ? { ...layer, units: 8 } : layer,
  ),
};

const labels = () => tf.tensor1d([0, 1, 2, 3, 1], 'int32');
const loss = (weights: tf.Tensor[]) =>
  crossEntropy(forward(smallSpec, weights, noise([5, 6, 6, 1], 9), 'mask'), labels(), 5);

function weightsOf(spec: ModelSpec): tf.Tensor[] {
  return buildModel(spec, 7).getWeights();
}

describe('the gradient of the training loss', () => {
  it('of pictures in colour is the same on wasm as on cpu', () =>
    expectSameOnBoth(() => {
      const images = noise([5, ...colourSpec.inputShape], 9);
      return tf
        .grads((...tensors: tf.Tensor[]) =>
          crossEntropy(forward(colourSpec, tensors, images, 'mask'), labels(), 5),
        )(weightsOf(colourSpec))
        .slice(0, 6);
    }));

  it('equals numeric differentiation', async () => {
    await tf.setBackend('cpu');
    const start = weightsOf(smallSpec).map((weight) => ({
      shape: weight.shape,
      values: weight.dataSync() as Float32Array,
    }));
    const lossAt = async (which: number, index: number, change: number) => {
      const [value] = await valuesOn('wasm', () =>
        loss(
          start.map(({ shape, values }, position) => {
            const moved = values.slice();
            if (position === which) moved[index] = (moved[index] as number) + change;
            return tf.tensor(moved, shape);
          }),
        ),
      );
      return value as number;
    };
    for (const [which, { values }] of start.entries()) {
      const analytic = await valuesOn('wasm', () => {
        const weights = start.map(({ shape, values: initial }) => tf.tensor(initial, shape));
        return tf.grads((...tensors: tf.Tensor[]) => loss(tensors))(weights)[which] as tf.Tensor;
      });
      const step = 1e-2;
      for (let index = 0; index < values.length; index += Math.ceil(values.length / 12)) {
        const above = await lossAt(which, index, step);
        const below = await lossAt(which, index, -step);
        // A ReLU or a pooling window that changes sides within the step bends the difference a little.
        expect(
          Math.abs((above - below) / (2 * step) - (analytic[index] as number)),
          `weight ${which}[${index}]`,
        ).toBeLessThan(4e-3);
      }
    }
  });

  it('is the same on wasm as on cpu', () =>
    expectSameOnBoth(() => {
      const weights = weightsOf(smallSpec);
      return tf.grads((...tensors: tf.Tensor[]) => loss(tensors))(weights);
    }));

  it("equals the gradient of TensorFlow.js's own unfused layers", () =>
    expectSameOnBoth(() => {
      const spec = {
        ...smallSpec,
        layers: smallSpec.layers.filter(({ type }) => type !== 'dropout'),
      };
      const model = buildModel(spec, 7);
      const images = noise([5, 6, 6, 1], 9);
      const variables = model.trainableWeights.map(
        (weight) => weight.read() as unknown as tf.Variable,
      );
      const targets = labels();
      const { grads } =
        tf.getBackend() === 'cpu'
          ? tf.variableGrads(
              () =>
                tf.losses.softmaxCrossEntropy(
                  tf.oneHot(targets, 4),
                  model.apply(images) as tf.Tensor2D,
                ),
              variables,
            )
          : tf.variableGrads(
              () => crossEntropy(forward(spec, variables, images, null), targets, 5),
              variables,
            );
      return variables.map((variable) => grads[variable.name] as tf.Tensor);
    }));
});

// From torch 2.13: torch.nn.functional.cross_entropy(logits, [2, 1], label_smoothing=…) and its gradient.
it.each([
  [0, 0.5872215, [0.3018745, 0.0150294, -0.3169039, 0.021005, -0.0781026, 0.0570976]],
  [0.1, 0.7038882, [0.2852078, -0.0016372, -0.2835706, 0.0043384, -0.0447693, 0.0404309]],
])("smooths labels by %d as PyTorch's cross_entropy", async (smoothing, loss, gradient) => {
  for (const backend of ['cpu', 'wasm'] as const) {
    const [value, ...slopes] = await valuesOn(backend, () => {
      const answers = tf.tensor1d([2, 1], 'int32');
      const logits = tf.tensor2d([1, -2, 0.5, 0, 3, 1], [2, 3]);
      const { value, grad } = tf.valueAndGrad((x: tf.Tensor) =>
        crossEntropy(x as tf.Tensor2D, answers, 2, smoothing),
      )(logits);
      return [value, grad];
    });
    expect(value).toBeCloseTo(loss, 5);
    for (const [i, slope] of gradient.entries()) expect(slopes[i]).toBeCloseTo(slope, 5);
  }
});

// From torch 2.13: torch.nn.functional.cross_entropy(logits, [2, 1], weight=[9, 0.5, 2], reduction='sum') / 2 and its gradient.
it("weights images as PyTorch's cross_entropy weights their labels", async () => {
  for (const backend of ['cpu', 'wasm'] as const) {
    const [value, ...slopes] = await valuesOn(backend, () => {
      const answers = tf.tensor1d([2, 1], 'int32');
      const logits = tf.tensor2d([1, -2, 0.5, 0, 3, 1], [2, 3]);
      const { value, grad } = tf.valueAndGrad((x: tf.Tensor) =>
        crossEntropy(x as tf.Tensor2D, answers, 2, 0, tf.tensor2d([2, 0.5], [2, 1])),
      )(logits);
      return [value, grad];
    });
    expect(value).toBeCloseTo(1.0470585, 5);
    for (const [i, slope] of [
      0.6037489, 0.0300589, -0.6338078, 0.0105025, -0.0390513, 0.0285488,
    ].entries())
      expect(slopes[i]).toBeCloseTo(slope, 5);
  }
});

it('forward without dropout is the layers model', () =>
  expectSameOnBoth(() => {
    const model = buildModel(fashionMnistCnn, 3);
    const images = noise([2, 28, 28, 1], 4);
    return tf.getBackend() === 'cpu'
      ? (model.predict(images) as tf.Tensor)
      : forward(fashionMnistCnn, model.getWeights(), images, null);
  }));

it('builds the same 688,138 weights from the same seed on both backends', async () => {
  const build = () => buildModel(fashionMnistCnn, 11).getWeights();
  const onCpu = await valuesOn('cpu', build);
  expect(onCpu.length).toBe(688_138);
  expect(await valuesOn('wasm', build)).toEqual(onCpu);
});

it('leaks no tensor in a step', async () => {
  await tf.setBackend('wasm');
  const weights = weightsOf(smallSpec);
  const step = () =>
    tf.tidy(() =>
      tf
        .grads((...tensors: tf.Tensor[]) => loss(tensors))(weights)[0]
        ?.dataSync(),
    );
  step();
  const before = tf.memory().numTensors;
  step();
  expect(tf.memory().numTensors).toBe(before);
});
