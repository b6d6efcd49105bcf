import { engine, Initializer, type NamedTensorMap, serialization, type Tensor } from '#tensorflow';
import {
  bytesOfWeight,
  readWeight,
  sizeOfWeight,
  type WeightSpec,
} from '../../shared/registry/weight-values.ts';
import { maxVersionBytes } from './version-files.ts';

/**
 * Creates tensors on published weights, in the order of their specs. The cpu backend keeps the array that
 * it is given, so float32 is not copied: first access to fresh memory is the largest cost of loading a model.
 * Smaller types are converted to float32.
 *
 * @param weights the bytes of all of them, from a multiple of 4 bytes on
 * @throws {RangeError} if the specs need more or fewer bytes
 */
export function weightTensors(
  specs: readonly WeightSpec[],
  weights: Uint8Array<ArrayBuffer>,
): NamedTensorMap {
  const { buffer, byteLength } = weights;
  const sizes = specs.map(sizeOfWeight);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (4 * total > maxVersionBytes) {
    throw new RangeError(
      `The weights in model.json take ${4 * total} bytes of memory; the maximum is ${maxVersionBytes}.`,
    );
  }
  const bytes = specs.map(bytesOfWeight);
  const expected = bytes.reduce((sum, length) => sum + length, 0);
  if (byteLength !== expected) {
    throw new RangeError(
      `The weights in model.json need ${expected} bytes, but the files have ${byteLength}.`,
    );
  }
  const tensors: NamedTensorMap = {};
  let offset = weights.byteOffset;
  for (const [i, spec] of specs.entries()) {
    const values = readWeight(spec, buffer, offset);
    tensors[spec.name] = engine().makeTensor(values, spec.shape, 'float32');
    offset += bytes[i] as number;
  }
  return tensors;
}

/**
 * Gives a weight its shape, but neither values nor memory, until the published weights replace it.
 * TensorFlow.js can't build a layer without an initializer, and any other one would compute all 688,138
 * numbers for nothing.
 *
 * `loadWeights` is strict: it rejects weights of another shape, and a model with a weight that was not set.
 */
class Unset extends Initializer {
  static readonly className = 'CatwalkUnset';

  apply(shape: number[]): Tensor {
    return engine().makeTensor(noValues, shape, 'float32');
  }
}

const noValues = new Float32Array(0);

/**
 * @param topology as in model.json
 * @returns a copy in which no layer has an initializer that computes anything
 */
export function withoutInitializers(topology: Record<string, unknown>): Record<string, unknown> {
  serialization.registerClass(Unset);
  return replace(topology) as Record<string, unknown>;
}

const unset = { class_name: Unset.className, config: {} };

/** The initializers of all layers. A layer whose configuration lacks one computes its default. */
const initializers = Object.fromEntries(
  [
    'kernel',
    'bias',
    'depthwise',
    'pointwise',
    'embeddings',
    'alpha',
    'beta',
    'gamma',
    'moving_mean',
    'moving_variance',
  ].map((weight) => [`${weight}_initializer`, unset]),
);

function replace(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replace);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => !key.endsWith('_initializer'))
    .map(([key, inner]) => [key, replace(inner)]);
  const { config, ...copy } = Object.fromEntries(entries);
  if (config === undefined) return copy;
  const isLayer = 'class_name' in value && typeof config === 'object' && !Array.isArray(config);
  if (!isLayer) return { ...copy, config };
  const { kernel_initializer: _, ...others } = initializers;
  // A separable convolution has two kernels, and refuses an initializer of any other.
  const isSeparable = String(copy.class_name).startsWith('Separable');
  return { ...copy, config: { ...config, ...(isSeparable ? others : initializers) } };
}
