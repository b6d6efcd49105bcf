import type { BmpHeader } from './bmp-header.ts';
import { ImageError } from './image-error.ts';

/**
 * Expands a BMP's runs: https://learn.microsoft.com/windows/win32/gdi/bitmap-compression. Pixels that are jumped over have colour 0.
 *
 * @param stored the runs
 * @returns a colour's number for each pixel, rows in the order of the file
 * @throws {ImageError} where they are cut off
 */
export function expandBmpRuns(header: BmpHeader, stored: Uint8Array): Uint8Array {
  const { width, height, bitsPerPixel } = header;
  const pixels = new Uint8Array(width * height);
  let x = 0;
  let y = 0;
  let offset = 0;
  const byte = () => {
    const value = stored[offset++];
    if (value === undefined) {
      throw new ImageError('bad_image', `The BMP is cut off after ${y} of ${height} rows.`);
    }
    return value;
  };
  /** Writes `count` pixels; of a run that is longer than its row, the rest costs nothing. */
  const put = (count: number, color: (i: number) => number) => {
    const written = Math.min(count, Math.max(0, width - x));
    for (let i = 0; i < written; i++) pixels[y * width + x + i] = color(i);
    x += count;
  };
  /** The i-th of the pixels that stand in bytes: two a byte where they have 4 bits. */
  const pick = (value: number, i: number) =>
    bitsPerPixel === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15;

  while (y < height) {
    const count = byte();
    const value = byte();
    if (count > 0) {
      put(count, (i) => pick(value, i));
    } else if (value === 0) {
      x = 0;
      y += 1;
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      x += byte();
      y += byte();
    } else {
      const start = offset;
      const perByte = 8 / bitsPerPixel;
      put(value, (i) => pick(stored[start + Math.floor(i / perByte)] ?? 0, i));
      // Filled up to two bytes.
      offset = start + 2 * Math.ceil(value / perByte / 2);
    }
  }
  return pixels;
}
