import { type BmpHeader, readBmpHeader } from './bmp-header.ts';
import { expandBmpRuns } from './bmp-runs.ts';
import { ImageError } from './image-error.ts';
import type { RasterImage } from './raster-image.ts';

/** Writes pixel `column` of a row to `to`, red, green, blue and alpha. */
type PixelWriter = (row: Uint8Array, column: number, to: number) => void;

/**
 * Decodes a BMP of 1 to 32 bits a pixel, with a palette, colour masks or runs, bottom up or top down.
 *
 * Our own, for of the packages for it fast-bmp reads no palette, no runs and no 16 bits, and bmp-ts and bmp-js need Node's Buffer.
 *
 * @param bytes a file whose size has been found acceptable
 * @throws {ImageError} where the file is cut off or damaged
 */
export function decodeBmp(bytes: Uint8Array): RasterImage {
  const header = readBmpHeader(bytes);
  const { width, height, isTopDown } = header;
  const stored = bytes.subarray(header.dataOffset);
  const pixels = header.isRunLength ? expandBmpRuns(header, stored) : stored;
  const bitsPerPixel = header.isRunLength ? 8 : header.bitsPerPixel;
  // Rows are filled up to four bytes; those of expanded runs are not.
  const rowBytes = header.isRunLength ? width : 4 * Math.ceil((width * bitsPerPixel) / 32);
  const needed = (height - 1) * rowBytes + Math.ceil((width * bitsPerPixel) / 8);
  if (pixels.byteLength < needed) {
    throw new ImageError(
      'bad_image',
      `The BMP is cut off: ${pixels.byteLength} bytes of pixels where its size calls for ${needed}.`,
    );
  }
  const data = new Uint8Array(4 * width * height);
  const write =
    bitsPerPixel <= 8 ? paletteWriter(header, bitsPerPixel, data) : colorWriter(header, data);
  for (let y = 0; y < height; y++) {
    const storedRow = isTopDown ? y : height - 1 - y;
    const row = pixels.subarray(storedRow * rowBytes, (storedRow + 1) * rowBytes);
    for (let x = 0; x < width; x++) write(row, x, 4 * (y * width + x));
  }
  if (bitsPerPixel === 32) dropUnusedAlpha(data);
  return { width, height, data };
}

function paletteWriter(header: BmpHeader, bitsPerPixel: number, target: Uint8Array): PixelWriter {
  const { palette, paletteEntryBytes } = header;
  const mask = 2 ** bitsPerPixel - 1;
  return (row, column, to) => {
    const bit = column * bitsPerPixel;
    const index = ((row[bit >> 3] as number) >> (8 - bitsPerPixel - (bit & 7))) & mask;
    const entry = index * paletteEntryBytes;
    if (entry + 2 >= palette.byteLength) {
      throw new ImageError('bad_image', `The BMP's palette has no colour ${index}.`);
    }
    target[to] = palette[entry + 2] as number;
    target[to + 1] = palette[entry + 1] as number;
    target[to + 2] = palette[entry] as number;
    target[to + 3] = 255;
  };
}

function colorWriter({ bitsPerPixel, masks }: BmpHeader, target: Uint8Array): PixelWriter {
  if (bitsPerPixel === 24) {
    return (row, column, to) => {
      target[to] = row[3 * column + 2] as number;
      target[to + 1] = row[3 * column + 1] as number;
      target[to + 2] = row[3 * column] as number;
      target[to + 3] = 255;
    };
  }
  const bytesPerPixel = bitsPerPixel / 8;
  const channels = masks.map(toChannel);
  return (row, column, to) => {
    let value = 0;
    for (let i = bytesPerPixel - 1; i >= 0; i--) {
      value = (value << 8) | (row[column * bytesPerPixel + i] as number);
    }
    for (let i = 0; i < 4; i++) target[to + i] = channels[i]?.(value) ?? 255;
  };
}

/** @returns a function that takes a mask's bits out of a pixel, as 0..255; `null` where it has none */
function toChannel(mask: number): ((pixel: number) => number) | null {
  if (mask === 0) return null;
  const shift = Math.log2((mask & -mask) >>> 0);
  const largest = mask >>> shift;
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / largest);
}

/** Some programs have a mask for alpha and leave it 0: a picture that would be transparent all over is opaque. */
function dropUnusedAlpha(data: Uint8Array): void {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 0) return;
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
}
