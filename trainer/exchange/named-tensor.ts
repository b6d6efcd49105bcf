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
