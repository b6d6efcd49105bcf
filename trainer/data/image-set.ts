/** Reads the images of a set, wherever they are: in memory, or in a file if they are too many. */
import { readSync, writeSync } from 'node:fs';
import { invertPixels } from '../../shared/image/model-input.ts';
import type { ImageSet } from './dataset.ts';

/** Returns the bytes of one image; NaN if a set in memory is empty. */
export const imageBytesIn = ({ images, count, file }: ImageSet): number =>
  file ? file.imageBytes : images.length / count;

/**
 * Returns the images `from` to `end - 1`, one after the other: a view of those in memory, a copy of those in a file.
 *
 * @throws {Error} if the file ends too early or can't be read
 */
export function imagesBetween(
  set: Pick<ImageSet, 'images' | 'count' | 'file'>,
  from: number,
  end: number,
): Uint8Array {
  const { images, count, file } = set;
  if (!file) {
    const size = images.length / count;
    return count === 0 ? images : images.subarray(from * size, end * size);
  }
  const { descriptor, imageBytes, rows, inverted } = file;
  const read = new Uint8Array((end - from) * imageBytes);
  for (let i = from; i < end; i++) {
    const image = read.subarray((i - from) * imageBytes, (i - from + 1) * imageBytes);
    readFully(descriptor, image, (rows[i] as number) * imageBytes);
    if (inverted[i]) invertPixels(image);
  }
  return read;
}

/** Returns one image of a set, as `imagesBetween` does. */
export const imageIn = (set: Pick<ImageSet, 'images' | 'count' | 'file'>, i: number): Uint8Array =>
  imagesBetween(set, i, i + 1);

/** Fills a buffer with the bytes of a file from `position` on. */
export function readFully(descriptor: number, target: Uint8Array, position: number): void {
  for (let done = 0; done < target.length; ) {
    const bytes = readSync(descriptor, target, done, target.length - done, position + done);
    if (bytes === 0) throw new Error('The file of converted images ends too early.');
    done += bytes;
  }
}

/** The place of the images that are read: a row each. */
export interface PixelRows {
  /** Bytes of a row. */
  size: number;
  /** Memory that threads share, or the descriptor of a file that is open for writing. */
  target: Uint8Array | number;
}

/** Writes an image into its row. */
export function writeRow({ size, target }: PixelRows, row: number, pixels: Uint8Array): void {
  if (typeof target !== 'number') {
    target.set(pixels, row * size);
    return;
  }
  for (let done = 0; done < size; ) {
    done += writeSync(target, pixels, done, size - done, row * size + done);
  }
}

/**
 * Arranges the rows of a memory in another order, without a second memory.
 *
 * @param order for each row the row that it is to have the content of; rows that are not named come last
 */
export function arrangeRows(memory: Uint8Array, size: number, order: readonly number[]): void {
  const count = memory.length / size;
  const named = new Set(order);
  const all = [
    ...order,
    ...Array.from({ length: count }, (_, i) => i).filter((i) => !named.has(i)),
  ];
  const done = new Uint8Array(count);
  for (let start = 0; start < count; start++) {
    if (done[start]) continue;
    const first = memory.slice(start * size, (start + 1) * size);
    let row = start;
    for (let from = all[row]; from !== start; from = all[row] as number) {
      memory.copyWithin(row * size, (from as number) * size, ((from as number) + 1) * size);
      done[row] = 1;
      row = from as number;
    }
    memory.set(first, row * size);
    done[row] = 1;
  }
}

/** Returns the images with these numbers. Those of a set in memory are copied. */
export function pickImages(set: ImageSet, chosen: Uint32Array): ImageSet {
  const labels = Uint8Array.from(chosen, (image) => set.labels[image] as number);
  const { file } = set;
  if (file) {
    const rows = shared(chosen.map((image) => file.rows[image] as number));
    const inverted = shareBytes(Uint8Array.from(chosen, (image) => file.inverted[image] as number));
    const picked = { ...file, rows, inverted };
    return { images: set.images, labels, count: chosen.length, file: picked };
  }
  const size = imageBytesIn(set);
  const images = new Uint8Array(chosen.length * size);
  for (const [position, image] of chosen.entries()) {
    images.set(set.images.subarray(image * size, (image + 1) * size), position * size);
  }
  return { images, labels, count: chosen.length };
}

/** Returns a set of the images in these rows of a file. */
export function imagesInFile(
  descriptor: number,
  imageBytes: number,
  rows: readonly number[],
  labels: Uint8Array,
): ImageSet {
  const inverted = shareBytes(new Uint8Array(rows.length));
  const file = { descriptor, imageBytes, rows: shared(Uint32Array.from(rows)), inverted };
  return { images: new Uint8Array(), labels, count: rows.length, file };
}

function shared(values: Uint32Array): Uint32Array {
  const copy = new Uint32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

/** Returns the same bytes on memory that threads share: a copy, unless they are there already. */
export function shareBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}
