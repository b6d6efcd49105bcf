import { ImageError } from './image-error.ts';

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
