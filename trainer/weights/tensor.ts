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

/** Reads a value of one floating-point type, at an offset in bytes. */
type ReadFloat = (view: DataView, at: number, littleEndian: boolean) => number;

const floatTypes = {
  float64: { bytes: 8, read: (view, at, littleEndian) => view.getFloat64(at, littleEndian) },
  float32: { bytes: 4, read: (view, at, littleEndian) => view.getFloat32(at, littleEndian) },
  float16: { bytes: 2, read: (view, at, littleEndian) => view.getFloat16(at, littleEndian) },
  bfloat16: { bytes: 2, read: readBfloat16 },
} satisfies Record<string, { bytes: number; read: ReadFloat }>;

/** The floating-point types that weights are stored in. */
export type FloatType = keyof typeof floatTypes;

export const bytesPerValue = (type: FloatType): number => floatTypes[type].bytes;

/** Returns a function that reads the value at a position, counted in values. */
export function valueReader(
  data: Uint8Array,
  type: FloatType,
  littleEndian: boolean,
): (position: number) => number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const { bytes, read } = floatTypes[type];
  return (position) => read(view, bytes * position, littleEndian);
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function readBfloat16(view: DataView, at: number, littleEndian: boolean): number {
  word.setUint16(0, view.getUint16(at, littleEndian));
  return word.getFloat32(0);
}
