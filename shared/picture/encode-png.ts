import { zlibSync } from 'fflate';
import { crc32 } from '../image/png-chunks.ts';

export interface PngPixels {
  width: number;
  height: number;
  /** Grey or red, green and blue, a byte each, row by row. */
  data: Uint8Array;
  channels: number;
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Of its length, its type and its checksum. */
const chunkBytes = 12;
const greyType = 0;
const colourType = 2;

/**
 * Encodes pixels as a PNG (https://www.w3.org/TR/png-3) without filters, which pictures of this size hardly profit from. A library such
 * as fast-png brings its decoder along: several kB that the Worker's bundle has no room for.
 */
export function encodePng({ width, height, data, channels }: PngPixels): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, channels === 1 ? greyType : colourType], 8);
  const length = width * channels;
  const rows = new Uint8Array(height * (1 + length));
  for (let y = 0; y < height; y++) {
    rows.set(data.subarray(y * length, (y + 1) * length), y * (1 + length) + 1);
  }
  const pixels = zlibSync(rows, { level: 3 });
  const file = new Uint8Array(signature.length + 3 * chunkBytes + header.length + pixels.length);
  file.set(signature);
  let offset = signature.length;
  offset = writeChunk(file, offset, 'IHDR', header);
  offset = writeChunk(file, offset, 'IDAT', pixels);
  writeChunk(file, offset, 'IEND', new Uint8Array());
  return file;
}

/** @returns the offset of the next chunk */
function writeChunk(file: Uint8Array, offset: number, type: string, data: Uint8Array): number {
  const view = new DataView(file.buffer);
  view.setUint32(offset, data.length);
  for (const [i, letter] of Array.from(type).entries()) {
    file[offset + 4 + i] = letter.charCodeAt(0);
  }
  file.set(data, offset + 8);
  const end = offset + 8 + data.length;
  view.setUint32(end, crc32(file, offset + 4, end));
  return end + 4;
}
