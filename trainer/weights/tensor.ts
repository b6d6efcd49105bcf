/** A tensor in a file of weights. */
export interface NamedTensor {
  name: string;
  shape: readonly number[];
  /**
   * Reads its values, the last dimension's next to each other, whatever their type and order in the file.
   *
   * @throws {WeightsFileError} where the file does not hold them
   */
  values(): Float32Array;
}

/** As PyTorch prints a shape: `[64, 32, 3, 3]`. */
export const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** 1 for a scalar's []. */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** A file with weights can't be read, or holds others than those of the network. */
export class WeightsFileError extends Error {
  override name = 'WeightsFileError';
}

/** The floating point types that weights are stored in. */
export type FloatType = 'float64' | 'float32' | 'float16' | 'bfloat16';

export const bytesPerValue: Record<FloatType, number> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
};

/** Reads the value at a position counted in values; a function per type, so that loops over values stay fast. */
export type ValueReader = (position: number) => number;

/** @param littleEndian how the file has its values */
export function valueReader(
  bytes: Uint8Array,
  type: FloatType,
  littleEndian: boolean,
): ValueReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 'float64':
      return (position) => view.getFloat64(8 * position, littleEndian);
    case 'float32':
      return (position) => view.getFloat32(4 * position, littleEndian);
    case 'float16':
      return (position) => fromHalf(view.getUint16(2 * position, littleEndian));
    case 'bfloat16':
      return (position) => fromBfloat16(view.getUint16(2 * position, littleEndian));
  }
}

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: number): number {
  word.setUint16(0, bits);
  word.setUint16(2, 0);
  return word.getFloat32(0);
}
