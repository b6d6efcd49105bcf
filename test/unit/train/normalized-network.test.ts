import * as tf from '@tensorflow/tfjs-core';
import { io } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn, modelSpecSchema } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';
import { publishedSpec, type TrainingSpec } from '../../../shared/model/training-spec.ts';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import { foldWeights, unfoldWeights } from '../../../trainer/train/fold.ts';
import { crossEntropy, forward } from '../../../trainer/train/forward.ts';
import { countOf, isStatistic, parametersOf } from '../../../trainer/train/parameters.ts';
import { recipes } from '../../../trainer/train/recipes.ts';
import { train } from '../../../trainer/train/train.ts';
import type { TrainingState } from '../../../trainer/train/training-state.ts';
import type { TrainingEvent, TrainOptions } from '../../../trainer/train/training-types.ts';
import { expectSameOnBoth, noise, prepareBackends, valuesOn } from '../../support/backends.ts';

beforeAll(prepareBackends);

/** Every kind of layer, odd sizes and channels, strides, shortcuts over one and over several layers. */
const spec: TrainingSpec = {
  ...fashionMnistCnn,
  name: 'normalized',
  inputShape: [11, 9, 3],
  layers: [
    { type: 'conv2d', filters: 6, kernelSize: 3, activation: 'linear' },
    { type: 'batchNorm' },
    { type: 'depthwiseConv2d', kernelSize: 3, strides: 2, activation: 'linear' },
    { type: 'batchNorm', activation: 'relu6' },
    { type: 'conv2d', filters: 6, kernelSize: 1, activation: 'linear' },
    { type: 'batchNorm', activation: 'linear' },
    { type: 'add', from: 3, activation: 'relu' },
    { type: 'conv2d', filters: 6, kernelSize: 3, activation: 'relu6' },
    { type: 'add', from: 6 },
    { type: 'conv2d', filters: 7, kernelSize: 3, strides: 2 },
    { type: 'depthwiseConv2d', kernelSize: 3 },
    { type: 'globalAveragePool' },
    { type: 'dense', units: 4, activation: 'linear' },
  ],
  labels: ['a', 'b', 'c', 'd'],
};

/** Without the corners of activations, at which a difference is no slope. */
const smooth: TrainingSpec = {
  ...spec,
  layers: spec.layers.map((layer) => ({ ...layer, activation: 'linear' }) as typeof layer),
};

/** Weights of all tensors, near those that training starts with. */
function weightsOf(network: TrainingSpec): tf.Tensor[] {
  return parametersOf(network).map(({ kind, shape, size }, at) => {
    const values = tf.mul(
      noise([...shape], at + 3),
      kind === 'kernel' ? 1.5 / Math.sqrt(size) ** 0.5 : 0.3,
    );
    return kind === 'gamma' || kind === 'variance' ? tf.add(values, 1) : values;
  });
}

const labels = () => tf.tensor1d([0, 1, 2, 3, 1], 'int32');
const images = () => noise([5, ...spec.inputShape], 9);
const loss = (weights: tf.Tensor[], network = spec) =>
  crossEntropy(forward(network, weights, images(), null), labels(), 5);

/** Gradients of those tensors that have any. */
function gradientsAt(weights: tf.Tensor[], network = spec): tf.Tensor[] {
  const tensors = parametersOf(spec);
  const moved = weights.filter((_, at) => !isStatistic(tensors[at] as (typeof tensors)[number]));
  const compute = tf.grads((...own: tf.Tensor[]) => {
    const all = tensors.map((tensor, at) =>
      isStatistic(tensor) ? (weights[at] as tf.Tensor) : (own.shift() as tf.Tensor),
    );
    return loss(all, network);
  });
  return compute(moved);
}

describe('the gradients of a network with batch normalization', () => {
  it('are the same on wasm as on cpu', () =>
    expectSameOnBoth(() => gradientsAt(weightsOf(spec)), 1e-4));

  it('equal numeric differentiation', async () => {
    const tensors = parametersOf(spec);
    await tf.setBackend('cpu');
    const start = weightsOf(spec).map((weight) => weight.dataSync<'float32'>());
    const at = (values: Float32Array[]) =>
      values.map((own, index) => tf.tensor(own, [...(tensors[index]?.shape ?? [])]));
    const analytic = await valuesOn('cpu', () => gradientsAt(at(start), smooth));
    let offset = 0;
    for (const [which, tensor] of tensors.entries()) {
      if (isStatistic(tensor)) continue;
      for (let index = 0; index < tensor.size; index += Math.ceil(tensor.size / 5)) {
        const lossAt = (change: number) =>
          valuesOn('cpu', () =>
            loss(
              at(
                start.map((values, position) =>
                  position === which
                    ? values.map((value, i) => (i === index ? value + change : value))
                    : values,
                ),
              ),
              smooth,
            ),
          );
        const step = 1e-3;
        const [[above], [below]] = [await lossAt(step), await lossAt(-step)];
        const slope = ((above as number) - (below as number)) / (2 * step);
        expect(
          Math.abs(slope - (analytic[offset + index] as number)),
          `${tensor.kind} of layer ${tensor.layer} [${index}]: ${slope}, ${analytic[offset + index]}`,
        ).toBeLessThan(4e-3);
      }
      offset += tensor.size;
    }
  });

  it('normalizes by the statistics of the batch, and reports them', async () => {
    const seen = await valuesOn('wasm', () => {
      const recorded: tf.Tensor[] = [];
      forward(spec, weightsOf(spec), images(), null, (layer, mean, variance, count) => {
        if (layer === 1) recorded.push(tf.keep(mean), tf.keep(variance), tf.keep(tf.scalar(count)));
      });
      const [filter] = weightsOf(spec) as [tf.Tensor4D];
      const convolved = tf.conv2d(images() as tf.Tensor4D, filter, 1, 'same');
      const { mean, variance } = tf.moments(convolved, [0, 1, 2]);
      const [ownMean, ownVariance, count] = recorded as [tf.Tensor, tf.Tensor, tf.Tensor];
      return [tf.sub(ownMean, mean), tf.sub(ownVariance, variance), count];
    });
    expect(seen.pop()).toBe(5 * 11 * 9);
    for (const difference of seen) expect(Math.abs(difference)).toBeLessThan(1e-6);
  });
});

describe('folding', () => {
  it('gives a convolution with bias and activation, and moves what additions read', () => {
    const { layers } = publishedSpec(spec);
    expect(layers).toMatchObject([
      { type: 'conv2d', activation: 'relu' },
      { type: 'depthwiseConv2d', strides: 2, activation: 'relu6' },
      { type: 'conv2d', activation: 'linear' },
      { type: 'add', from: 1, activation: 'relu' },
      { type: 'conv2d', activation: 'relu6' },
      { type: 'add', from: 3 },
      { type: 'conv2d', strides: 2 },
      { type: 'depthwiseConv2d' },
      { type: 'globalAveragePool' },
      { type: 'dense' },
    ]);
    expect(() => modelSpecSchema.parse(publishedSpec(spec))).not.toThrow();
  });

  it('refuses a normalization that is not of a convolution only', () => {
    const dense = { ...spec, layers: [...spec.layers, { type: 'batchNorm' as const }] };
    expect(() => publishedSpec(dense)).toThrow('Layer 13, a batch normalization, needs');
    const read = spec.layers.map((layer) =>
      layer.type === 'add' && layer.from === 3 ? { ...layer, from: 4 } : layer,
    );
    expect(() => publishedSpec({ ...spec, layers: read })).toThrow('Layer 5, a batch');
    const [first, ...rest] = spec.layers;
    const active = [{ ...first, activation: 'relu' } as typeof first, ...rest] as typeof rest;
    expect(() => publishedSpec({ ...spec, layers: active })).toThrow('Layer 0 needs');
  });

  it('keeps the answers: with the statistics of a batch, the layers model gives the logits of training', async () => {
    const published = publishedSpec(spec);
    const tensors = parametersOf(spec);
    const logits = await valuesOn('cpu', () => forward(spec, weightsOf(spec), images(), null));
    const folded = await valuesOn('cpu', () => {
      const flat = new Float32Array(countOf(tensors));
      const weights = weightsOf(spec);
      for (const [at, { offset }] of tensors.entries()) {
        flat.set(weights[at]?.dataSync() as Float32Array, offset);
      }
      forward(spec, weights, images(), null, (layer, mean, variance) => {
        for (const { offset, kind } of tensors.filter((own) => own.layer === layer)) {
          if (kind === 'mean') flat.set(mean.dataSync(), offset);
          if (kind === 'variance') flat.set(variance.dataSync(), offset);
        }
      });
      const shapes = parametersOf(published);
      const target = new Float32Array(countOf(shapes));
      foldWeights(spec, flat, target);
      const model = buildModel(published, 1);
      model.setWeights(
        shapes.map(({ shape, offset, size }) =>
          tf.tensor(target.subarray(offset, offset + size), [...shape]),
        ),
      );
      return model.predict(images()) as tf.Tensor;
    });
    for (const [at, logit] of logits.entries()) expect(folded[at]).toBeCloseTo(logit, 4);
  });

  it('starts a training with the weights of the published network', async () => {
    await tf.setBackend('cpu');
    const published = publishedSpec(spec);
    const initial = new Float32Array(countOf(parametersOf(published)));
    for (const [at] of initial.entries()) initial[at] = Math.sin(at);
    const folded = new Float32Array(initial.length);
    foldWeights(spec, unfoldWeights(spec, initial), folded);
    for (const { kind, layer, offset, size } of parametersOf(published)) {
      const [own, start] = [folded, initial].map((flat) => flat.subarray(offset, offset + size));
      const normalized = layer <= 2;
      if (normalized && kind === 'bias') expect(own?.every((value) => value === 0)).toBe(true);
      else expect(own?.[0]).toBeCloseTo(start?.[0] ?? Number.NaN, 4);
    }
  });
});

describe('training a network with batch normalization', () => {
  /** Each label lights another quarter of the picture, over noise. */
  const dataset = (() => {
    const [height, width, channels] = spec.inputShape;
    const setOf = (count: number, seed: number) => {
      const images = new Uint8Array(count * height * width * channels);
      const ids = Uint8Array.from({ length: count }, (_, image) => (image * 7 + seed) % 4);
      for (const [at] of images.entries()) {
        const image = Math.floor(at / (height * width * channels));
        const pixel = Math.floor(at / channels) % (height * width);
        const quarter =
          Math.floor((2 * pixel) / (height * width)) * 2 + ((pixel % width) * 2 > width ? 1 : 0);
        images[at] = 60 + 50 * Math.sin(at * 12.9898 + seed) + (quarter === ids[image] ? 90 : 0);
      }
      return { images, labels: ids, count };
    };
    return { train: setOf(203, 1), test: setOf(64, 2), labels: spec.labels } as unknown as Dataset;
  })();

  const run = async (options: Partial<TrainOptions>) => {
    const events: TrainingEvent[] = [];
    const recipe = { ...recipes.tutorial, epochs: 3, batchSize: 32, learningRate: 0.01 };
    const all = { spec, dataset, recipe, seed: 5, backend: 'wasm' as const, threads: 2 };
    for await (const event of train({ ...all, ...options })) events.push(event);
    return events;
  };
  const epochsOf = (events: TrainingEvent[]) =>
    events.filter(({ event }) => event === 'epoch') as Extract<TrainingEvent, { event: 'epoch' }>[];

  it('learns, measures the published network and repeats its bits', async () => {
    const events = epochsOf(await run({}));
    const last = events.at(-1);
    expect(last?.metrics.accuracy).toBeGreaterThan(0.9);
    const again = epochsOf(await run({})).at(-1);
    expect(Buffer.from(again?.artifacts.weightData as ArrayBuffer)).toEqual(
      Buffer.from(last?.artifacts.weightData as ArrayBuffer),
    );
    await tf.setBackend('cpu');
    const model = await loadLayersModel(io.fromMemory(last?.artifacts as io.ModelArtifacts));
    const { images, count } = dataset.test;
    const input = normalizePixels(images, spec.preprocessing);
    const logits = (
      model.predict(tf.tensor(input, [count, ...spec.inputShape])) as tf.Tensor
    ).dataSync();
    for (const [at, logit] of logits.entries()) {
      expect(Math.abs(logit - (last?.logits[at] as number))).toBeLessThan(1e-4);
    }
  });

  it('resumes from a checkpoint with the same bits', async () => {
    const recipe = { ...recipes.best, epochs: 2, batchSize: 32, warmupEpochs: 0.5 };
    const whole = await run({ recipe, checkpoints: { steps: 3 } });
    const states = whole.flatMap((event) => (event.event === 'checkpoint' ? [event.state] : []));
    const middle = states.find(({ position }) => position.epoch === 2 && position.step === 3);
    const rest = await run({ recipe, resumeFrom: middle as TrainingState });
    const last = epochsOf(whole).at(-1);
    expect(Buffer.from(epochsOf(rest).at(-1)?.artifacts.weightData as ArrayBuffer)).toEqual(
      Buffer.from(last?.artifacts.weightData as ArrayBuffer),
    );
  });
});
