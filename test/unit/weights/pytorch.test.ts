import { describe, expect, test } from 'vitest';
import type { ModelSpec } from '../../../shared/model/model-spec.ts';
import { fromPytorch, toPytorch } from '../../../trainer/weights/pytorch.ts';
import { readWeightsFile } from '../../../trainer/weights/read-weights-file.ts';
import { readSafetensors, writeSafetensors } from '../../../trainer/weights/safetensors.ts';
import { type NamedTensor, WeightsFileError } from '../../../trainer/weights/tensor.ts';
import {
  fixture,
  logitsOf,
  maxDifference,
  narrowCnn,
  pytorchLogits,
  readFixture,
} from '../../support/models/narrow-network.ts';

describe("PyTorch's files give PyTorch's logits", () => {
  test.each([
    ['narrow.pth', 'pytorch', 'narrow'],
    ['narrow.safetensors', 'safetensors', 'narrow'],
    ['variants.pth', 'pytorch', 'variants'],
    ['half.safetensors', 'safetensors', 'half'],
  ] as const)('%s', async (file, format, name) => {
    const read = await readWeightsFile(fixture(file));
    expect(read).toMatchObject({ name: file, format });
    const logits = await logitsOf(fromPytorch(read.tensors, narrowCnn));
    expect(maxDifference(logits, pytorchLogits[name])).toBeLessThan(1e-5);
  });
});

const names = ['conv1', 'conv2', 'conv3', 'fc1', 'fc2'];

test("exports equal PyTorch's files", async () => {
  const { tensors } = await readWeightsFile(fixture('narrow.pth'));
  const exported = writeSafetensors(toPytorch(fromPytorch(tensors, narrowCnn), narrowCnn, names));
  const pytorchs = readSafetensors(await readFixture('narrow.safetensors'));
  const described = (all: NamedTensor[]) =>
    all.map(({ name, shape, values }) => ({ name, shape, values: [...values()] }));
  expect(described(readSafetensors(exported))).toEqual(described(pytorchs));
});

describe('tensors that do not match the network', () => {
  const load = async (change: (tensors: NamedTensor[]) => NamedTensor[]) => {
    const { tensors } = await readWeightsFile(fixture('narrow.pth'));
    return () => fromPytorch(change(tensors), narrowCnn);
  };
  const replaced = (name: string, changes: Partial<NamedTensor>) => (tensors: NamedTensor[]) =>
    tensors.map((tensor) => (tensor.name === name ? { ...tensor, ...changes } : tensor));

  test.each<[string, (tensors: NamedTensor[]) => NamedTensor[], string]>([
    [
      'of another shape are named with both shapes',
      replaced('conv2.weight', { shape: [8, 5, 3, 3] }),
      'conv2.weight is [8, 5, 3, 3], but layer 2 (conv2d) expects [8, 4, 3, 3]',
    ],
    [
      'with a bias of another shape',
      replaced('fc1.bias', { shape: [17] }),
      'fc1.bias is [17], but layer 7 (dense) expects [16]',
    ],
    [
      'of another number of labels',
      replaced('fc2.weight', { shape: [3, 16] }),
      'fc2.weight is [3, 16], but layer 9 (dense) expects [10, 16]',
    ],
    [
      'without a bias',
      (tensors) => tensors.filter(({ name }) => name !== 'conv3.bias'),
      'conv3.bias is missing: layer 4 (conv2d) expects [16]',
    ],
    [
      'without a layer',
      (tensors) => tensors.filter(({ name }) => !name.startsWith('fc1')),
      'a weight is missing: layer 7 (dense) expects [16, 144]',
    ],
    [
      'with a layer too many',
      (tensors) => [
        ...tensors,
        { name: 'fc3.weight', shape: [10, 10], values: () => new Float32Array() },
      ],
      'fc3.weight [10, 10] does not belong to the network',
    ],
    [
      "with a batch normalization's",
      (tensors) => [
        ...tensors,
        { name: 'bn.running_mean', shape: [4], values: () => new Float32Array() },
      ],
      'bn.running_mean [4] is neither a weight nor a bias',
    ],
    [
      'that are not finite',
      replaced('fc1.bias', { values: () => new Float32Array(16).fill(Number.NaN, 3) }),
      'Value 3 of fc1.bias is NaN, which is not finite',
    ],
  ])('%s', async (_, change, message) => {
    const loading = await load(change);
    expect(loading).toThrow(WeightsFileError);
    expect(loading).toThrow(message);
  });

  test('layers of equal shape are distinguished by their order', async () => {
    const same = { type: 'dense', units: 16, activation: 'relu' } as const;
    const spec = {
      ...narrowCnn,
      layers: [
        { type: 'flatten' } as const,
        { ...same },
        { ...same },
        { ...same, units: 2, activation: 'linear' as const },
      ],
      inputShape: [4, 4, 1] as ModelSpec['inputShape'],
      labels: ['a', 'b'],
    };
    const tensor = (name: string, shape: number[], value: number): NamedTensor => ({
      name,
      shape,
      values: () => new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
    });
    // As safetensors gives them back: sorted by their names, numbers by their value.
    const file = writeSafetensors(
      ['10', '2', '9'].flatMap((name, i) => [
        tensor(`${name}.weight`, [name === '10' ? 2 : 16, 16], i),
        tensor(`${name}.bias`, [name === '10' ? 2 : 16], i),
      ]),
    );
    const weights = fromPytorch(readSafetensors(file), spec);
    expect(weights.map(({ values }) => values[0])).toEqual([1, 1, 2, 2, 0, 0]);
  });
});
