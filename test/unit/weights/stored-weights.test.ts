import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { openMaster } from '../../../trainer/train/master-model.ts';
import { readStored, storeAs } from '../../../trainer/weights/stored-weights.ts';

const master = await openMaster(fashionMnistCnn, 4);
const whole = await master.artifactsOf(master.parameters);

describe.each([
  // Eleven significant bits; no weight of a fresh network is beyond 1/3.
  { dtype: 'float16', bytes: 2, furthest: 2 ** -13 },
  // 256 values between the least and the greatest, of which none is further than half a step from a weight.
  { dtype: 'uint8', bytes: 1, furthest: (2 / 3 / 255 / 2) * 1.001 },
] as const)('$dtype', ({ dtype, bytes, furthest }) => {
  const stored = storeAs(dtype, whole);
  const weights = new Float32Array(master.parameters.length);
  readStored(stored, weights);

  it('is as small and as close as the type allows', () => {
    expect((stored.weightData as ArrayBuffer).byteLength).toBe(bytes * 688_138);
    const distance = weights.reduce(
      (most, weight, i) => Math.max(most, Math.abs(weight - (master.parameters[i] as number))),
      0,
    );
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThan(furthest);
  });

  it('is read by plain TensorFlow.js, with the values that are tested', async () => {
    const model = await loadLayersModel(tf.io.fromMemory(stored));
    const loaded = model.getWeights().flatMap((weight) => Array.from(weight.dataSync()));
    expect(Float32Array.from(loaded)).toEqual(weights);
    model.dispose();
  });

  it('is stored without a further loss if it is stored again', () => {
    const again = storeAs(dtype, { ...whole, weightData: weights.slice().buffer });
    const values = new Float32Array(weights.length);
    readStored(again, values);
    const distance = weights.reduce(
      (most, weight, i) => Math.max(most, Math.abs(weight - (values[i] as number))),
      0,
    );
    expect(distance).toBeLessThan(1e-7);
  });
});

it('keeps a weight whose values are all the same', () => {
  const weightSpecs = [{ name: 'a', shape: [3], dtype: 'float32' as const }];
  const weightData = Float32Array.of(0.1, 0.1, 0.1).buffer;
  const values = new Float32Array(3);
  readStored(storeAs('uint8', { weightSpecs, weightData }), values);
  expect(values).toEqual(Float32Array.of(0.1, 0.1, 0.1));
});
