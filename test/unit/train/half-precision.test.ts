import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { halfArtifacts, openMaster, roundToHalf } from '../../../trainer/train/master-model.ts';

it('stores weights as float16, which plain TensorFlow.js reads back', async () => {
  const master = await openMaster(fashionMnistCnn, 4);
  const weights = master.parameters.slice();
  roundToHalf(weights);
  const furthest = weights.reduce(
    (most, weight, i) => Math.max(most, Math.abs(weight - (master.parameters[i] as number))),
    0,
  );
  // Eleven significant bits; no weight of a fresh network is beyond 0.5.
  expect(furthest).toBeGreaterThan(0);
  expect(furthest).toBeLessThan(2 ** -13);

  const artifacts = halfArtifacts(await master.artifactsOf(weights));
  expect((artifacts.weightData as ArrayBuffer).byteLength).toBe(2 * 688_138);
  const model = await loadLayersModel(tf.io.fromMemory(artifacts));
  const loaded = model.getWeights().flatMap((weight) => Array.from(weight.dataSync()));
  expect(Float32Array.from(loaded)).toEqual(weights);
});
