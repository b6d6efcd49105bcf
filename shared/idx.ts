/** The header of an IDX file: big-endian magic 0x0000<type><dimensions>, then one uint32 per dimension. */
interface IdxHeader {
  /** The size of each dimension: [images, height, width] or [labels]. */
  dimensions: number[];
  /** The offset of the first value. */
  offset: number;
}

/** Returns the length of the header of an IDX file with the given number of dimensions. */
export const idxHeaderBytes = (dimensions: number): number => 4 + 4 * dimensions;

/**
 * Reads the header of an IDX file of unsigned bytes, as on Yann LeCun's MNIST page
 * (http://yann.lecun.com/exdb/mnist/).
 *
 * @param bytes the file, or at least its header
 * @param expectedDimensions 3 for images, 1 for labels
 * @throws {RangeError} if the magic number or the length does not match
 */
function parseIdxHeader(bytes: Uint8Array, expectedDimensions: number): IdxHeader {
  const offset = idxHeaderBytes(expectedDimensions);
  if (bytes.byteLength < offset) {
    throw new RangeError(
      `An IDX header has ${offset} bytes, but the file has ${bytes.byteLength}.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const expectedMagic = 0x0800 + expectedDimensions;
  if (magic !== expectedMagic) {
    throw new RangeError(
      `Not an IDX file of ${expectedDimensions}-dimensional bytes: magic number ${magic}, expected ${expectedMagic}.`,
    );
  }
  const dimensions = Array.from({ length: expectedDimensions }, (_, i) =>
    view.getUint32(4 + 4 * i),
  );
  return { dimensions, offset };
}

/**
 * Reads a whole IDX file of unsigned bytes.
 *
 * @returns the sizes and a view (no copy) of the values
 * @throws {RangeError} if the magic number or the length does not match
 */
export function parseIdx(bytes: Uint8Array, expectedDimensions: number) {
  const { dimensions, offset } = parseIdxHeader(bytes, expectedDimensions);
  const expected = offset + dimensions.reduce((product, size) => product * size, 1);
  if (bytes.byteLength !== expected) {
    throw new RangeError(
      `An IDX file of ${dimensions.join('x')} has ${expected} bytes, but this one has ${bytes.byteLength}.`,
    );
  }
  return { dimensions, values: bytes.subarray(offset) };
}
