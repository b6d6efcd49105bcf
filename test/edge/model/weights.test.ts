import { expect, it } from 'vitest';
import { registerKernels } from '../../../edge/kernels/register.ts';
import { weightTensors } from '../../../edge/model/weights.ts';
import type { WeightSpec } from '../../../shared/registry/weight-values.ts';

registerKernels();

/** Weights of each type, so that none but the first starts at a multiple of its own bytes. */
const weights: {
  spec: WeightSpec;
  stored: Uint8Array | Float16Array | Float32Array;
  values: number[];
}[] = [
  {
    spec: affine('a', [5], -0.3, 0.01),
    stored: Uint8Array.of(0, 1, 100, 254, 255),
    values: [-0.3, -0.29, 0.7, 2.24, 2.25],
  },
  {
    spec: { name: 'b', shape: [3], dtype: 'float32' },
    stored: Float32Array.of(0.1, -7, 1e-30),
    values: [0.1, -7, 1e-30],
  },
  {
    spec: affine('c', [2, 3], 0, 1),
    stored: Uint8Array.of(9, 8, 7, 6, 5, 4),
    values: [9, 8, 7, 6, 5, 4],
  },
  { spec: affine('d', [1], 4.5, 1), stored: Uint8Array.of(0), values: [4.5] },
  {
    spec: { name: 'e', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } },
    stored: Float16Array.of(-0.5, 65_504),
    values: [-0.5, 65_504],
  },
  {
    spec: { name: 'f', shape: [1, 1], dtype: 'float32' },
    stored: Float32Array.of(Math.PI),
    values: [Math.PI],
  },
];

function affine(name: string, shape: number[], min: number, scale: number): WeightSpec {
  return { name, shape, dtype: 'float32', quantization: { dtype: 'uint8', min, scale } };
}

const specs = weights.map(({ spec }) => spec);
const bytes = Uint8Array.from(
  weights.flatMap(({ stored: { buffer } }) => Array.from(new Uint8Array(buffer))),
);

it('reads weights of different types, at any offset', () => {
  const tensors = weightTensors(specs, bytes);
  for (const { spec, values } of weights) {
    expect(tensors[spec.name]?.shape).toEqual(spec.shape);
    expect(tensors[spec.name]?.dataSync()).toEqual(Float32Array.from(values));
  }
});

it.each([-1, 1])('refuses files with %i bytes more than the weights need', (more) => {
  const other = new Uint8Array(bytes.length + more);
  expect(() => weightTensors(specs, other)).toThrow(
    `need ${bytes.length} bytes, but the files have ${other.length}`,
  );
});
