import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { WeightType } from '../../../../shared/registry/manifest.ts';
import { storeAs } from '../../../../trainer/weights/stored-weights.ts';

/** Rounds a model's weights as a version of this type stores them, so that every contestant has the same. */
export function roundWeights(model: LayersModel, dtype: WeightType): void {
  const parts = model.weights.map(({ name, shape }, at) => {
    const values = model.getWeights()[at]?.dataSync<'float32'>() as Float32Array;
    return { spec: { name, shape: shape as number[], dtype: 'float32' as const }, values };
  });
  const weightData = new Uint8Array(
    Buffer.concat(parts.map(({ values }) => new Uint8Array(Float32Array.from(values).buffer))),
  ).buffer;
  const weightSpecs = parts.map(({ spec }) => spec);
  const stored = storeAs(dtype, { weightSpecs, weightData });
  const rounded = tf.io.decodeWeights(
    new tf.io.CompositeArrayBuffer(stored.weightData).slice(),
    stored.weightSpecs ?? [],
  );
  model.setWeights(weightSpecs.map(({ name }) => rounded[name] as tf.Tensor));
}
