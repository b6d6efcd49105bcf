import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { expect } from 'vitest';
import { registerComposedNormalization } from '../../trainer/backend/batch-normalization.ts';
import { registerFusedGradients } from '../../trainer/backend/fused-operations.ts';
import { registerTrainingKernels } from '../../trainer/backend/wasm-kernels.ts';

/** Opens both backends, wasm with Catwalk's kernels. */
export async function prepareBackends(): Promise<void> {
  await tf.setBackend('cpu');
  await tf.setBackend('wasm');
  registerTrainingKernels(tf.backend() as BackendWasm);
  registerFusedGradients();
  registerComposedNormalization('cpu');
}

/** Runs a kernel of the current backend. */
export const runKernel = <Result = tf.Tensor>(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attrs: Record<string, unknown>,
) => tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap) as Result;

/** Runs `compute` on a backend, on which it makes and reads its tensors. */
export async function valuesOn(
  backend: 'cpu' | 'wasm',
  compute: () => tf.Tensor | tf.Tensor[],
): Promise<number[]> {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const results = compute();
    return [results].flat().flatMap((tensor) => Array.from(tensor.dataSync()));
  });
}

/** Checks that both backends give the same numbers, within `tolerance` relative to the largest. */
export async function expectSameOnBoth(
  compute: () => tf.Tensor | tf.Tensor[],
  tolerance = 1e-5,
): Promise<void> {
  const expected = await valuesOn('cpu', compute);
  const actual = await valuesOn('wasm', compute);
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  for (const [index, value] of expected.entries()) {
    const difference = Math.abs((actual[index] as number) - value);
    // Written so that NaN fails too.
    if (!(difference <= tolerance * scale)) {
      expect.fail(`value ${index}: ${actual[index]} on wasm, ${value} on cpu`);
    }
  }
}

/** Deterministic values in -1..1 that do not depend on the backend. */
export function noise(shape: number[], seed: number): tf.Tensor {
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, index) =>
      Math.sin((index + 1) * 12.9898 + seed * 78.233),
    ),
    shape,
  );
}
