import { ImageError, type RasterImage } from './image.ts';

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

/** https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapv5header */
export interface BmpHeader {
  width: number;
  height: number;
  /** Whether the first row in the file is the picture's top one; mostly it is its last. */
  isTopDown: boolean;
  bitsPerPixel: 1 | 2 | 4 | 8 | 16 | 24 | 32;
  /** Whether runs of equal pixels are written as one (BI_RLE8, BI_RLE4). */
  isRunLength: boolean;
  /** Of 16 and 32 bits a pixel: which are red, green, blue and alpha. */
  masks: [red: number, green: number, blue: number, alpha: number];
  /** Blue, green, red a colour, and one byte more in all but the oldest files. */
  palette: Uint8Array;
  paletteEntryBytes: 3 | 4;
  /** Where the pixels start. */
  dataOffset: number;
}

const fileHeaderBytes = 14;
/** BITMAPCOREHEADER, of OS/2 and Windows 2. */
const coreHeaderBytes = 12;
/** BITMAPINFOHEADER; those that are longer start like it. */
const infoHeaderBytes = 40;

const compression = { none: 0, runLength8: 1, runLength4: 2, bitFields: 3, alphaBitFields: 6 };

/**
 * Reads what a BMP says of itself.
 *
 * @param bytes a file that starts with the BMP signature
 * @throws {ImageError}
 */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < fileHeaderBytes + coreHeaderBytes) throw damaged('it is cut off');
  const dataOffset = view.getUint32(10, true);
  const headerBytes = view.getUint32(14, true);
  const isCore = headerBytes === coreHeaderBytes;
  if (!isCore && headerBytes < infoHeaderBytes) {
    throw damaged(`its header has ${headerBytes} bytes, which no BMP's has`);
  }
  if (fileHeaderBytes + headerBytes > bytes.byteLength) throw damaged('it is cut off');
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) throw damaged(`it is ${width}x${signedHeight}`);

  const bitsPerPixel = view.getUint16(isCore ? 24 : 28, true);
  const method = isCore ? compression.none : view.getUint32(30, true);
  const isRunLength =
    (method === compression.runLength8 && bitsPerPixel === 8) ||
    (method === compression.runLength4 && bitsPerPixel === 4);
  const hasBitFields = method === compression.bitFields || method === compression.alphaBitFields;
  if (!isDepth(bitsPerPixel)) throw damaged(`it has ${bitsPerPixel} bits a pixel`);
  if (!(method === compression.none || isRunLength || (hasBitFields && bitsPerPixel >= 16))) {
    throw new ImageError(
      'unsupported_image',
      `The BMP has compression ${method} with ${bitsPerPixel} bits a pixel, which is not read.`,
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
    dataOffset,
  };
}

const isDepth = (bits: number): bits is BmpHeader['bitsPerPixel'] =>
  [1, 2, 4, 8, 16, 24, 32].includes(bits);

/** Without masks the fourth byte of 32 bits says nothing. */
const usualMasks = (bits: number): BmpHeader['masks'] =>
  bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0x00ff00, 0x0000ff, 0];

function readMasks(view: DataView, headerBytes: number, maskBytes: number): BmpHeader['masks'] {
  const start = fileHeaderBytes + infoHeaderBytes;
  const held = headerBytes - infoHeaderBytes + maskBytes;
  if (held < 12 || start + held > view.byteLength) throw damaged('its colour masks are cut off');
  const mask = (at: number) => view.getUint32(start + at, true);
  return [mask(0), mask(4), mask(8), held >= 16 ? mask(12) : 0];
}

const damaged = (why: string) => new ImageError('bad_image', `The BMP is damaged: ${why}.`);

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
