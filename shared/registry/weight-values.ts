import type * as z from 'zod/mini';
import type { modelJsonSchema } from './manifest.ts';

/** A weight in a model.json. */
export type WeightSpec = z.infer<
  typeof modelJsonSchema
>['weightsManifest'][number]['weights'][number];

/** The arrays that hold the values of weights. Not all browsers have Float16Array. */
const arrays = {
  float32: () => Float32Array,
  float16: () => Float16Array,
  uint8: () => Uint8Array,
};
const arrayOf = ({ quantization }: WeightSpec) => arrays[quantization?.dtype ?? 'float32']();

/** Returns the number of values of a weight. */
export const sizeOfWeight = ({ shape }: WeightSpec): number =>
  shape.reduce((product, size) => product * size, 1);

/** Returns the bytes of a weight's values in the file. */
export const bytesOfWeight = (spec: WeightSpec): number =>
  sizeOfWeight(spec) * arrayOf(spec).BYTES_PER_ELEMENT;

/**
 * Reads the values of a weight. Those of float32 are not copied if they start at a multiple of 4; smaller types become float32.
 *
 * @param offset in bytes
 */
export function readWeight(
  spec: WeightSpec,
  buffer: ArrayBuffer,
  offset: number,
): Float32Array<ArrayBuffer> {
  const size = sizeOfWeight(spec);
  const StoredArray = arrayOf(spec);
  const isAligned = offset % StoredArray.BYTES_PER_ELEMENT === 0;
  const stored = isAligned
    ? new StoredArray(buffer, offset, size)
    : new StoredArray(buffer.slice(offset, offset + size * StoredArray.BYTES_PER_ELEMENT));
  if (stored instanceof Float32Array) return stored;
  const { quantization } = spec;
  const { scale, min } = quantization?.dtype === 'uint8' ? quantization : { scale: 1, min: 0 };
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = (stored[i] as number) * scale + min;
  return values;
}
