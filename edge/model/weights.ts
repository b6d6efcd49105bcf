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
 * Lays tensors over published weights, in the order of their specs. The cpu backend keeps the array that it is given, so
 * nothing is copied: touching fresh memory for the first time is what loading a model costs most. Only weights in half
 * precision are decoded into memory of their own.
 *
 * @param specs of float32 tensors
 * @param weights the bytes of all of them, one after the other; its first byte at a multiple of 4
 * @throws {RangeError} where there are more or fewer bytes than the specs take
 */
export function weightTensors(
  specs: readonly WeightsManifestEntry[],
  weights: Uint8Array<ArrayBuffer>,
): NamedTensorMap {
  if (specs.some(({ quantization }) => quantization !== undefined)) {
    return decodeWeights(bufferOf(weights), [...specs]);
  }
  const lengths = specs.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const expected = 4 * lengths.reduce((sum, length) => sum + length, 0);
  if (weights.byteLength !== expected) {
    throw new RangeError(
      `The weights in model.json take ${expected} bytes, there are ${weights.byteLength}.`,
    );
  }
  const tensors: NamedTensorMap = {};
  let offset = weights.byteOffset;
  for (const [i, { name, shape }] of specs.entries()) {
    const length = lengths[i] as number;
    const values = new Float32Array(weights.buffer, offset, length);
    tensors[name] = engine().makeTensor(values, shape, 'float32');
    offset += 4 * length;
  }
  return tensors;
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>) =>
  byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);

/**
 * Gives a weight its shape but no values, not even the memory for them: what a published model is built with before its
 * own weights take their place. TensorFlow.js can't build a layer without an initializer, and any other one writes
 * all 688,138 numbers once for nothing.
 *
 * `loadWeights` is strict: it refuses weights of another shape, and a model with a weight that was never set.
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
