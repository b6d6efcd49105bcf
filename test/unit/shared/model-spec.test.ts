import { describe, expect, it, test } from 'vitest';
import {
  cnnFor,
  fashionMnistCnn,
  inputOptionsFor,
  modelSpecSchema,
} from '../../../shared/model/model-spec.ts';

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

describe('the spec of a version that an older trainer published', () => {
  const older = (name: string) =>
    modelSpecSchema.parse({ ...fashionMnistCnn, name, preprocessing: { mean: 0.5, std: 0.5 } });

  it('isolates if the model is that of Fashion-MNIST', () => {
    expect(inputOptionsFor(older('fashion-mnist-cnn'))).toEqual({
      height: 28,
      width: 28,
      fit: 'contain',
      background: { kind: 'isolate' },
    });
  });

  it('otherwise inverts light backgrounds', () => {
    expect(inputOptionsFor(older('shapes-cnn')).background.kind).toBe('invert');
  });
});

test('a spec may only name what the Worker can do', () => {
  const preprocessing = { mean: 0.5, std: 0.5, background: { kind: 'blur' } };
  expect(modelSpecSchema.safeParse({ ...fashionMnistCnn, preprocessing }).success).toBe(false);
});
