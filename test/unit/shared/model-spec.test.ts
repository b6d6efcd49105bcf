import { describe, expect, it, test } from 'vitest';
import {
  cnnFor,
  fashionMnistCnn,
  inputOptionsFor,
  modelSpecSchema,
  NetworkTooLargeError,
} from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';

test('a data set determines name, labels, preprocessing and the last layer of the network', () => {
  const labels = ['circle', 'square', 'triangle'];
  const pictures = { fit: 'cover', background: { kind: 'keep' } } as const;
  const spec = cnnFor({ name: 'shapes', height: 28, width: 28, labels, ...pictures });
  expect(spec).toEqual({
    ...fashionMnistCnn,
    name: 'shapes-cnn',
    labels,
    preprocessing: { mean: 0.5, std: 0.5, ...pictures },
    layers: [
      ...fashionMnistCnn.layers.slice(0, -1),
      { type: 'dense', units: 3, activation: 'linear' },
    ],
  });
});

test('the network of the tutorial is not made for images whose weights a Worker would not load', () => {
  const pictures = { fit: 'contain', background: { kind: 'keep' } } as const;
  const specOf = (height: number, width: number) =>
    cnnFor({ name: 'photos', height, width, channels: 3, labels: ['a', 'b'], ...pictures });
  expect(specOf(95, 95).inputShape).toEqual([95, 95, 3]);
  expect(() => specOf(96, 96)).toThrow(NetworkTooLargeError);
  expect(() => specOf(96, 96)).toThrow(/up to 95x95 pixels; for 96x96 .* 32 MiB/);
  expect(specOf(40, 160).inputShape).toEqual([40, 160, 3]);
});

describe('the spec of a version that an older trainer published', () => {
  const older = (name: string) =>
    modelSpecSchema.parse({ ...fashionMnistCnn, name, preprocessing: { mean: 0.5, std: 0.5 } });

  it('isolates if the model is that of Fashion-MNIST', () => {
    expect(inputOptionsFor(older('fashion-mnist-cnn'))).toEqual({
      height: 28,
      width: 28,
      channels: 1,
      fit: 'contain',
      background: { kind: 'isolate' },
    });
  });

  it('otherwise inverts light backgrounds', () => {
    expect(inputOptionsFor(older('shapes-cnn')).background.kind).toBe('invert');
  });
});

test('a network for pictures in colour has a scale per channel', () => {
  const [mean, std] = [
    [0.4, 0.5, 0.6],
    [0.2, 0.25, 0.5],
  ] as [[number, number, number], [number, number, number]];
  const spec = cnnFor({
    name: 'photos',
    height: 32,
    width: 32,
    channels: 3,
    labels: ['a', 'b'],
    fit: 'cover',
    background: { kind: 'keep' },
    scale: { mean, std },
  });
  expect(spec.inputShape).toEqual([32, 32, 3]);
  expect(inputOptionsFor(spec)).toMatchObject({ height: 32, channels: 3 });
  const values = normalizePixels([255, 0, 51, 0, 255, 102], spec.preprocessing);
  const expected = [0.6 / 0.2, -0.5 / 0.25, -0.4 / 0.5, -0.4 / 0.2, 0.5 / 0.25, -0.2 / 0.5];
  for (const [i, value] of expected.entries()) expect(values[i]).toBeCloseTo(value, 5);

  expect(modelSpecSchema.safeParse({ ...spec, inputShape: [32, 32, 1] }).success).toBe(false);
  expect(modelSpecSchema.safeParse({ ...spec, inputShape: [32, 32, 4] }).success).toBe(false);
});

test('a spec may only name what the Worker can do', () => {
  const preprocessing = { mean: 0.5, std: 0.5, background: { kind: 'blur' } };
  expect(modelSpecSchema.safeParse({ ...fashionMnistCnn, preprocessing }).success).toBe(false);
});
