/** A tensor in a file of weights. */
export interface NamedTensor {
  name: string;
  shape: readonly number[];
  /**
   * Reads the values in row-major order, whatever their type and order in the file.
   *
   * @throws {WeightsFileError} if the file does not hold them
   */
  values(): Float32Array;
}

/** A kernel or a bias as TensorFlow.js lays it out. */
export interface LayerTensor {
  shape: readonly number[];
  values: Float32Array;
}

/** Formats a shape as PyTorch prints it: `[64, 32, 3, 3]`. */
export const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Returns the number of values of a shape; 1 for a scalar's []. */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** A file of weights can't be read, or its tensors do not match the network. */
export class WeightsFileError extends Error {
  override name = 'WeightsFileError';
}

/** The floating-point types that weights are stored in. */
export type FloatType = 'float64' | 'float32' | 'float16' | 'bfloat16';

export const bytesPerValue: Record<FloatType, number> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
};

/** Reads the value at a position, counted in values. */
export type ValueReader = (position: number) => number;

/** Returns a reader for one type, so that loops over values stay fast. */
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
      return (position) => view.getFloat16(2 * position, littleEndian);
    case 'bfloat16':
      return (position) => fromBfloat16(view.getUint16(2 * position, littleEndian));
  }
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}
