import { expandGifCodes } from './gif-codes.ts';
import { readGifFile } from './gif-file.ts';
import { ImageError } from './image-error.ts';
import type { RasterImage } from './raster-image.ts';

/** Which rows an interlaced frame brings, pass by pass. */
const passes = [
  { start: 0, step: 8 },
  { start: 4, step: 8 },
  { start: 2, step: 4 },
  { start: 1, step: 2 },
];

/**
 * Decodes the first frame of a GIF; what it does not cover is transparent.
 *
 * Our own, for of the packages for it omggif goes round in circles for ever on codes that refer to each other, and gifuct-js
 * reads all frames before the first.
 *
 * @param bytes a file whose size has been found acceptable
 * @throws {ImageError} where the file is cut off or damaged
 */
export function decodeGif(bytes: Uint8Array): RasterImage {
  const { width, height, frame } = readGifFile(bytes);
  const { palette, transparentIndex } = frame;
  const colors = expandGifCodes(frame.minimumCodeSize, frame.blocks, frame.width * frame.height);
  const data = new Uint8Array(4 * width * height);
  for (const [row, y] of rowsInOrder(frame.height, frame.interlaced).entries()) {
    let to = 4 * ((frame.top + y) * width + frame.left);
    for (let x = 0; x < frame.width; x++, to += 4) {
      const color = colors[row * frame.width + x] as number;
      if (color === transparentIndex) continue;
      if (3 * color + 2 >= palette.byteLength) {
        throw new ImageError('bad_image', `The GIF's palette has no colour ${color}.`);
      }
      data[to] = palette[3 * color] as number;
      data[to + 1] = palette[3 * color + 1] as number;
      data[to + 2] = palette[3 * color + 2] as number;
      data[to + 3] = 255;
    }
  }
  return { width, height, data };
}

function rowsInOrder(height: number, interlaced: boolean): number[] {
  const rows: number[] = [];
  for (const { start, step } of interlaced ? passes : [{ start: 0, step: 1 }]) {
    for (let row = start; row < height; row += step) rows.push(row);
  }
  return rows;
}
