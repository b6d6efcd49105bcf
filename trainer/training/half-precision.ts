import type { io } from '@tensorflow/tfjs-core';

/** How the weights of a model are written. */
export const weightTypes = ['float32', 'float16'] as const;
export type WeightType = (typeof weightTypes)[number];

/** Rounds each number to the nearest one of half precision (IEEE 754 binary16), in place. */
export function roundToHalf(values: Float32Array): void {
  values.set(new Float16Array(values));
}

/**
 * Writes a model's float32 weights in half the bytes, in TensorFlow.js's own format for quantized weights, which every
 * `tf.loadLayersModel` turns into float32 again.
 *
 * @throws {TypeError} where there are no weights
 */
export function halfArtifacts(artifacts: io.ModelArtifacts): io.ModelArtifacts {
  const { weightSpecs, weightData } = artifacts;
  if (!weightSpecs || !weightData) throw new TypeError('The model has no weights.');
  const buffers = Array.isArray(weightData) ? weightData : [weightData];
  // Copied: a small Buffer lies in a larger one, which its `buffer` is.
  const bytes = new Uint8Array(Buffer.concat(buffers.map((part) => new Uint8Array(part))));
  const values = new Float32Array(bytes.buffer);
  return {
    ...artifacts,
    weightData: new Float16Array(values).buffer,
    weightSpecs: weightSpecs.map((spec) => ({
      ...spec,
      quantization: { dtype: 'float16' },
    })),
  };
}
