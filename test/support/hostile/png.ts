/** Parts of a PNG (https://www.w3.org/TR/png-3/), to assemble files that no encoder writes. */
import { crc32, deflateSync } from 'node:zlib';

export const signature: Uint8Array = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);

/** Returns a chunk: length, type, content and checksum. */
export function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

export interface PngHeader {
  width: number;
  height: number;
  /** Bits per sample (default: 8). */
  depth?: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha. (default: 6) */
  colorType?: number;
  interlaced?: boolean;
}

export function header(parts: PngHeader): Uint8Array {
  const { width, height, depth = 8, colorType = 6, interlaced = false } = parts;
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width);
  data.writeUInt32BE(height, 4);
  data.set([depth, colorType, 0, 0, interlaced ? 1 : 0], 8);
  return chunk('IHDR', data);
}

const samples: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Returns the rows of a picture as a zlib stream.
 *
 * @param filter the filter of every row; 4 (Paeth) is the slowest
 * @param value the value of every byte
 */
export function rows(parts: PngHeader, filter = 4, value = 1): Uint8Array {
  const { width, height, depth = 8, colorType = 6 } = parts;
  const rowBytes = Math.ceil((width * depth * (samples[colorType] ?? 1)) / 8);
  const data = Buffer.alloc((1 + rowBytes) * height, value);
  for (let y = 0; y < height; y++) data[y * (1 + rowBytes)] = filter;
  return deflateSync(data, { level: 1 });
}

/** Returns a PNG of one repeated row; an interlaced one has data to spare. */
export const plainPng = (parts: PngHeader, data = rows(parts)): Uint8Array =>
  Buffer.concat([signature, header(parts), chunk('IDAT', data), chunk('IEND', new Uint8Array())]);

/** Returns a PNG whose data lies in chunks of one byte. */
export function crumbledPng(parts: PngHeader, data: Uint8Array): Uint8Array {
  const crumbs = Array.from(data, (byte) => chunk('IDAT', Uint8Array.of(byte)));
  return Buffer.concat([signature, header(parts), ...crumbs, chunk('IEND', new Uint8Array())]);
}
