import { decodeWeights, engine, type NamedTensorMap, type WeightsManifestEntry } from '#tensorflow';

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
