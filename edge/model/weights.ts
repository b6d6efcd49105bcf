import {
  decodeWeights,
  engine,
  Initializer,
  type NamedTensorMap,
  serialization,
  type Tensor,
  type WeightsManifestEntry,
} from '#tensorflow';

/**
 * Creates tensors on published weights, in the order of their specs. The cpu backend keeps the array that
 * it is given, so nothing is copied: first access to fresh memory is the largest cost of loading a model.
 * Only weights in half precision are decoded into memory of their own.
 *
 * @param specs of float32 tensors
 * @param weights the bytes of all of them, from a multiple of 4 bytes on
 * @throws {RangeError} if the specs need more or fewer bytes
 */
export function weightTensors(
  specs: readonly WeightsManifestEntry[],
  weights: Uint8Array<ArrayBuffer>,
): NamedTensorMap {
  const { buffer, byteOffset, byteLength } = weights;
  if (specs.some(({ quantization }) => quantization !== undefined)) {
    const isWhole = byteLength === buffer.byteLength;
    return decodeWeights(isWhole ? buffer : weights.slice().buffer, [...specs]);
  }
  const lengths = specs.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const expected = 4 * lengths.reduce((sum, length) => sum + length, 0);
  if (byteLength !== expected) {
    throw new RangeError(
      `The weights in model.json need ${expected} bytes, but the files have ${byteLength}.`,
    );
  }
  const tensors: NamedTensorMap = {};
  let offset = byteOffset;
  for (const [i, { name, shape }] of specs.entries()) {
    const values = new Float32Array(buffer, offset, lengths[i]);
    tensors[name] = engine().makeTensor(values, shape, 'float32');
    offset += values.byteLength;
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
 * @returns a copy in which no initializer computes anything
 */
export function withoutInitializers(topology: Record<string, unknown>): Record<string, unknown> {
  serialization.registerClass(Unset);
  return replace(topology) as Record<string, unknown>;
}

function replace(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replace);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key.endsWith('_initializer') && inner
        ? { class_name: Unset.className, config: {} }
        : replace(inner),
    ]),
  );
}
