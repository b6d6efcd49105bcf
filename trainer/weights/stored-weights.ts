/** The types in which a model's weights are stored, in TensorFlow.js's own format for quantized weights. */
import { dispose, io, type Tensor } from '@tensorflow/tfjs-core';
import type { WeightType } from '../../shared/registry/manifest.ts';
import { sizeOf } from './tensor.ts';

interface StoredWeight {
  bytes: Uint8Array;
  /** `original_dtype` is missing in the types of TensorFlow.js. */
  quantization: NonNullable<io.WeightsManifestEntry['quantization']> & {
    original_dtype?: 'float32';
  };
}

const encoders: Record<Exclude<WeightType, 'float32'>, (values: Float32Array) => StoredWeight> = {
  float16: (values) => ({
    bytes: new Uint8Array(new Float16Array(values).buffer),
    quantization: { dtype: 'float16' },
  }),
  uint8: encodeAffine,
};

const maxByte = 255;

/** Spreads the 256 values of a byte evenly from the smallest to the largest value. */
function encodeAffine(values: Float32Array): StoredWeight {
  const min = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const max = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const scale = (max - min) / maxByte || 1;
  return {
    bytes: Uint8Array.from(values, (value) => Math.round((value - min) / scale)),
    quantization: { dtype: 'uint8', min, scale, original_dtype: 'float32' },
  };
}

/**
 * Stores a model's float32 weights as another type. Every `tf.loadLayersModel` converts them to float32 again.
 *
 * @throws {TypeError} if the model has no weights
 */
export function storeAs(dtype: WeightType, artifacts: io.ModelArtifacts): io.ModelArtifacts {
  if (dtype === 'float32') return artifacts;
  const { weightSpecs, weightData } = weightsOf(artifacts);
  const stored: StoredWeight[] = [];
  let offset = 0;
  for (const { shape } of weightSpecs) {
    const values = new Float32Array(weightData, offset, sizeOf(shape));
    stored.push(encoders[dtype](values));
    offset += values.byteLength;
  }
  return {
    ...artifacts,
    weightData: new Uint8Array(Buffer.concat(stored.map(({ bytes }) => bytes))).buffer,
    weightSpecs: weightSpecs.map(({ name, shape }, index) => ({
      name,
      shape,
      dtype: 'float32',
      quantization: (stored[index] as StoredWeight).quantization,
    })),
  };
}

/**
 * Writes the values that a program gets when it loads a model, one weight after the other.
 *
 * @param flat overwritten
 * @throws {TypeError} if the model has no weights
 */
export function readStored(artifacts: io.ModelArtifacts, flat: Float32Array): void {
  const { weightSpecs, weightData } = weightsOf(artifacts);
  const tensors = io.decodeWeights(weightData, weightSpecs);
  let offset = 0;
  for (const { name } of weightSpecs) {
    const values = (tensors[name] as Tensor).dataSync<'float32'>();
    flat.set(values, offset);
    offset += values.length;
  }
  dispose(tensors);
}

function weightsOf({ weightSpecs, weightData }: io.ModelArtifacts) {
  if (!weightSpecs || !weightData) throw new TypeError('The model has no weights.');
  const buffers = Array.isArray(weightData) ? weightData : [weightData];
  // A copy, as the `buffer` of a small Buffer is a larger one that it shares.
  const bytes = new Uint8Array(Buffer.concat(buffers.map((part) => new Uint8Array(part))));
  return { weightSpecs, weightData: bytes.buffer };
}
