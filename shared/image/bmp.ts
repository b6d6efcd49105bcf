import { type ImageDecoder, ImageError, type RasterImage } from './image.ts';
import { openRaster } from './raster.ts';

export const bmp: ImageDecoder = {
  readSize: readBmpHeader,
  decode: (bytes, { minSide }) => decodeBmp(bytes, minSide),
};

/** Writes pixel `column` of a stored row to `to`: red, green, blue and alpha. */
type PixelWriter = (row: Uint8Array, column: number, to: number) => void;

/**
 * Decodes a BMP of 1 to 32 bits a pixel, with a palette, colour masks or runs, bottom up or top down.
 *
 * A decoder of our own, because fast-bmp reads no palette, no runs and no 16 bits; bmp-ts and bmp-js need Node's Buffer.
 *
 * @param bytes a file whose size has been checked
 * @param minSide pixels that the longer side keeps if the picture is reduced (default: it is not reduced)
 * @throws {ImageError} if the file is cut off or corrupt
 */
function decodeBmp(bytes: Uint8Array, minSide?: number): RasterImage {
  const header = readBmpHeader(bytes);
  const { width, height, isTopDown } = header;
  const stored = bytes.subarray(header.dataOffset);
  const pixels = header.isRunLength ? expandBmpRuns(header, stored) : stored;
  const bitsPerPixel = header.isRunLength ? 8 : header.bitsPerPixel;
  // Rows are padded to four bytes; those of expanded runs are not.
  const rowBytes = header.isRunLength ? width : 4 * Math.ceil((width * bitsPerPixel) / 32);
  const needed = (height - 1) * rowBytes + Math.ceil((width * bitsPerPixel) / 8);
  if (pixels.byteLength < needed) {
    throw corrupt(`it is cut off: ${pixels.byteLength} of ${needed} bytes of pixels`);
  }
  const raster = openRaster(width, height, minSide);
  const rgba = new Uint8Array(4 * width);
  const write =
    bitsPerPixel <= 8 ? paletteWriter(header, bitsPerPixel, rgba) : colorWriter(header, rgba);
  // Some programs declare a mask for alpha and write only zeros: a picture that would be fully transparent is opaque.
  const isOpaque = bitsPerPixel === 32 && hasNoAlpha(header, pixels, width * height);
  for (let row = 0; row < height; row++) {
    const start = row * rowBytes;
    const line = pixels.subarray(start, start + rowBytes);
    for (let x = 0; x < width; x++) {
      write(line, x, 4 * x);
      if (isOpaque) rgba[4 * x + 3] = 255;
    }
    raster.write(isTopDown ? row : height - 1 - row, rgba);
  }
  return raster.finish();
}

function hasNoAlpha({ masks }: BmpHeader, pixels: Uint8Array, count: number): boolean {
  const alpha = masks[3];
  if (alpha === 0) return true;
  const view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  for (let i = 0; i < count; i++) if ((view.getUint32(4 * i, true) & alpha) !== 0) return false;
  return true;
}

function paletteWriter(header: BmpHeader, bitsPerPixel: number, target: Uint8Array): PixelWriter {
  const { palette, paletteEntryBytes } = header;
  const mask = 2 ** bitsPerPixel - 1;
  return (row, column, to) => {
    const bit = column * bitsPerPixel;
    const index = ((row[bit >> 3] as number) >> (8 - bitsPerPixel - (bit & 7))) & mask;
    const entry = index * paletteEntryBytes;
    if (entry + 2 >= palette.byteLength) {
      throw corrupt(`its palette has no colour ${index}`);
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

/** @returns a function that reads a mask's bits of a pixel as 0..255; `null` if the mask is 0 */
function toChannel(mask: number): ((pixel: number) => number) | null {
  if (mask === 0) return null;
  const shift = Math.log2((mask & -mask) >>> 0);
  const max = mask >>> shift;
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / max);
}

/** https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapv5header */
interface BmpHeader {
  width: number;
  height: number;
  /** Whether the file starts with the picture's top row; most start with its last. */
  isTopDown: boolean;
  bitsPerPixel: 1 | 2 | 4 | 8 | 16 | 24 | 32;
  /** Whether runs of equal pixels are stored as one (BI_RLE8, BI_RLE4). */
  isRunLength: boolean;
  /** The bits of red, green, blue and alpha in pixels of 16 or 32 bits. */
  masks: [red: number, green: number, blue: number, alpha: number];
  /** Blue, green and red of each colour, and one byte more in all but the oldest files. */
  palette: Uint8Array;
  paletteEntryBytes: 3 | 4;
  /** Offset of the pixels. */
  dataOffset: number;
}

const fileHeaderBytes = 14;
/** BITMAPCOREHEADER, of OS/2 and Windows 2. */
const coreHeaderBytes = 12;
/** BITMAPINFOHEADER; longer headers start with its fields. */
const infoHeaderBytes = 40;

const compression = { none: 0, runLength8: 1, runLength4: 2, bitFields: 3, alphaBitFields: 6 };

/**
 * Reads the headers of a BMP.
 *
 * @param bytes a file that starts with the BMP signature
 * @throws {ImageError} if they are cut off, corrupt, or name a compression that is not supported
 */
function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < fileHeaderBytes + coreHeaderBytes) throw corrupt('it is cut off');
  const dataOffset = view.getUint32(10, true);
  const headerBytes = view.getUint32(14, true);
  const isCore = headerBytes === coreHeaderBytes;
  if (!isCore && headerBytes < infoHeaderBytes) {
    throw corrupt(`its header has ${headerBytes} bytes, which is no BMP header's size`);
  }
  if (fileHeaderBytes + headerBytes > bytes.byteLength) throw corrupt('it is cut off');
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw corrupt(`it is ${width}x${signedHeight}`);

  const bitsPerPixel = view.getUint16(isCore ? 24 : 28, true);
  const method = isCore ? compression.none : view.getUint32(30, true);
  const isRunLength =
    (method === compression.runLength8 && bitsPerPixel === 8) ||
    (method === compression.runLength4 && bitsPerPixel === 4);
  const hasBitFields = method === compression.bitFields || method === compression.alphaBitFields;
  if (!isDepth(bitsPerPixel)) throw corrupt(`it has ${bitsPerPixel} bits a pixel`);
  if (!(method === compression.none || isRunLength || (hasBitFields && bitsPerPixel >= 16))) {
    throw new ImageError(
      'unsupported_image',
      `The BMP has compression ${method} with ${bitsPerPixel} bits a pixel, which is not supported.`,
    );
  }
  // Masks follow the shortest header, and are part of the others.
  const hasMasksAfter = hasBitFields && headerBytes === infoHeaderBytes;
  const maskBytes = hasMasksAfter ? (method === compression.alphaBitFields ? 16 : 12) : 0;
  const paletteStart = fileHeaderBytes + headerBytes + maskBytes;
  const paletteEntryBytes = isCore ? 3 : 4;
  const used = isCore ? 0 : view.getUint32(46, true);
  const colors = bitsPerPixel > 8 ? 0 : Math.min(used || 2 ** bitsPerPixel, 2 ** bitsPerPixel);
  return {
    width,
    height,
    isTopDown: signedHeight < 0,
    bitsPerPixel,
    isRunLength,
    masks: hasBitFields ? readMasks(view, headerBytes, maskBytes) : usualMasks(bitsPerPixel),
    palette: bytes.subarray(paletteStart, paletteStart + colors * paletteEntryBytes),
    paletteEntryBytes,
    // Some programs write an offset of 0, or one inside the headers.
    dataOffset: Math.max(dataOffset, paletteStart + colors * paletteEntryBytes),
  };
}

const isDepth = (bits: number): bits is BmpHeader['bitsPerPixel'] =>
  [1, 2, 4, 8, 16, 24, 32].includes(bits);

/** Without masks the fourth byte of 32 bits has no meaning. */
const usualMasks = (bits: number): BmpHeader['masks'] =>
  bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0x00ff00, 0x0000ff, 0];

function readMasks(view: DataView, headerBytes: number, maskBytes: number): BmpHeader['masks'] {
  const start = fileHeaderBytes + infoHeaderBytes;
  const held = headerBytes - infoHeaderBytes + maskBytes;
  if (held < 12 || start + held > view.byteLength) throw corrupt('its colour masks are cut off');
  const mask = (at: number) => view.getUint32(start + at, true);
  return [mask(0), mask(4), mask(8), held >= 16 ? mask(12) : 0];
}

const corrupt = (why: string) => new ImageError('bad_image', `The BMP is corrupt: ${why}.`);

/**
 * Expands a BMP's runs: https://learn.microsoft.com/windows/win32/gdi/bitmap-compression. Skipped pixels have colour 0.
 *
 * @param stored the runs as in the file
 * @returns the index of each pixel's colour, rows in the order of the file
 * @throws {ImageError} if they are cut off
 */
function expandBmpRuns(header: BmpHeader, stored: Uint8Array): Uint8Array {
  const { width, height, bitsPerPixel } = header;
  const pixels = new Uint8Array(width * height);
  let x = 0;
  let y = 0;
  let offset = 0;
  const byte = () => {
    const value = stored[offset++];
    if (value === undefined) {
      throw corrupt(`it is cut off after ${y} of ${height} rows`);
    }
    return value;
  };
  /** Writes `count` pixels; the part of a run beyond its row is dropped. */
  const put = (count: number, color: (i: number) => number) => {
    const written = Math.min(count, Math.max(0, width - x));
    for (let i = 0; i < written; i++) pixels[y * width + x + i] = color(i);
    x += count;
  };
  /** The i-th pixel of a byte: pixels of 4 bits are two a byte. */
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
      // Padded to two bytes.
      offset = start + 2 * Math.ceil(value / perByte / 2);
    }
  }
  return pixels;
}
