import { ImageError } from './image.ts';

/** The chunks of a PNG that its pixels depend on. */
export interface PngChunks {
  header: PngHeader;
  /** PLTE: red, green, blue a colour. */
  palette: Uint8Array | null;
  /** tRNS, as it stands in the file. */
  transparency: Uint8Array | null;
  /** eXIf: how the picture was taken. */
  exif: Uint8Array | null;
  /** The IDAT chunks, in order: together one zlib stream. */
  data: Uint8Array[];
}

export interface PngHeader {
  width: number;
  height: number;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  depth: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha. */
  colorType: number;
  interlaced: boolean;
}

/** The depths that go with each colour type (https://www.w3.org/TR/png-3/#11IHDR). */
const depths: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

const signatureBytes = 8;
/** Length, type and CRC around a chunk's data. */
const chunkOverhead = 12;

/**
 * Reads a PNG's size and kind without touching its pixels.
 *
 * @param bytes a file that starts with the PNG signature
 * @throws {ImageError}
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const first = readChunk(bytes, signatureBytes);
  if (first.type !== 'IHDR' || first.data.byteLength !== 13) {
    throw new ImageError('bad_image', 'The PNG does not start with its header (IHDR).');
  }
  const view = viewOf(first.data);
  const header = {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth: view.getUint8(8),
    colorType: view.getUint8(9),
    interlaced: view.getUint8(12) === 1,
  };
  if (header.width === 0 || header.height === 0) {
    throw new ImageError('bad_image', `The PNG is ${header.width}x${header.height} pixels.`);
  }
  if (!depths[header.colorType]?.includes(header.depth)) {
    throw new ImageError(
      'bad_image',
      `The PNG's header has colour type ${header.colorType} with ${header.depth} bits a sample, which no PNG has.`,
    );
  }
  if (view.getUint8(10) !== 0 || view.getUint8(11) !== 0 || view.getUint8(12) > 1) {
    throw new ImageError('bad_image', "The PNG's header names an unknown compression or filter.");
  }
  return header;
}

/**
 * Walks a PNG from its signature to its end. Chunks that do not bear on the pixels are passed over,
 * unread: text and colour profiles may be compressed, and inflate to anything.
 *
 * @throws {ImageError} where the file is cut off or damaged
 */
export function readPngChunks(bytes: Uint8Array): PngChunks {
  const chunks: PngChunks = {
    header: readPngHeader(bytes),
    palette: null,
    transparency: null,
    exif: null,
    data: [],
  };
  let offset = signatureBytes;
  for (;;) {
    const { type, data } = readChunk(bytes, offset);
    offset += chunkOverhead + data.byteLength;
    if (type === 'PLTE') chunks.palette = data;
    else if (type === 'tRNS') chunks.transparency = data;
    else if (type === 'eXIf') chunks.exif = data;
    else if (type === 'IDAT') chunks.data.push(data);
    else if (type === 'IEND') return chunks;
  }
}

function readChunk(bytes: Uint8Array, offset: number): { type: string; data: Uint8Array } {
  const view = viewOf(bytes);
  const length = offset + 8 <= bytes.byteLength ? view.getUint32(offset) : 0;
  if (offset + chunkOverhead + length > bytes.byteLength) {
    throw new ImageError('bad_image', `The PNG is cut off after ${bytes.byteLength} bytes.`);
  }
  const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
  const end = offset + 8 + length;
  if (crc32(bytes.subarray(offset + 4, end)) !== view.getUint32(end)) {
    throw new ImageError('bad_image', `The PNG is damaged: its chunk ${type} fails its checksum.`);
  }
  return { type, data: bytes.subarray(offset + 8, end) };
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of a PNG chunk's type and data (https://www.w3.org/TR/png-3/#5CRC-algorithm). */
export function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    value = (table[(value ^ (bytes[i] as number)) & 0xff] as number) ^ (value >>> 8);
  }
  return (value ^ 0xffffffff) >>> 0;
}
