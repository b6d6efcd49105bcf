import { ImageError } from './image.ts';

/** The first chunk of a PNG (https://www.w3.org/TR/png-3/#11IHDR). */
export interface PngHeader {
  width: number;
  height: number;
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  depth: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha. */
  colorType: number;
  interlaced: boolean;
}

/** The chunks that decide a PNG's pixels. */
export interface PngChunks {
  header: PngHeader;
  /** PLTE: red, green and blue of each colour. */
  palette: Uint8Array | null;
  /** tRNS, as in the file. */
  transparency: Uint8Array | null;
  /** eXIf: the orientation. */
  exif: Uint8Array | null;
  /** The IDAT chunks, joined: a zlib stream. */
  data: Uint8Array;
}

/** The allowed depths of each colour type. */
const depths: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
export const samplesPerPixel: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

const signatureBytes = 8;
/** The chunk types that are read, by their four bytes. */
const chunkTypes = new Map(
  ['IHDR', 'PLTE', 'tRNS', 'eXIf', 'IDAT', 'IEND'].map((type) => [
    Array.from(type).reduce((bits, letter) => bits * 256 + letter.charCodeAt(0), 0),
    type,
  ]),
);
/** Length, type and CRC around a chunk's data. */
const chunkOverhead = 12;

export const corrupt = (why: string) => new ImageError('bad_image', `The PNG is corrupt: ${why}.`);

/**
 * Reads a PNG's size and kind, without its pixels.
 *
 * @param bytes a file that starts with the PNG signature
 * @throws {ImageError} if it does not start with a valid header
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  const first = readChunk(bytes, viewOf(bytes), signatureBytes);
  if (first?.type !== 'IHDR' || first.data.byteLength !== 13 || !first.isIntact) {
    throw corrupt('it does not start with its header (IHDR)');
  }
  const view = viewOf(first.data);
  const header = {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth: view.getUint8(8),
    colorType: view.getUint8(9),
    interlaced: view.getUint8(12) === 1,
  };
  const { width, height, depth, colorType } = header;
  if (width === 0 || height === 0) throw corrupt(`it is ${width}x${height} pixels`);
  if (!depths[colorType]?.includes(depth)) {
    throw corrupt(`its header has colour type ${colorType} with ${depth} bits a sample`);
  }
  if (view.getUint8(10) !== 0 || view.getUint8(11) !== 0 || view.getUint8(12) > 1) {
    throw corrupt('its header names an unknown compression or filter');
  }
  return header;
}

/** @returns bits per pixel */
export function bitsOf({ depth, colorType }: PngHeader) {
  return depth * (samplesPerPixel[colorType] as number);
}

/**
 * Reads the chunks that decide the pixels. Others are skipped: text and colour profiles may be compressed, and inflate to any size.
 *
 * @throws {ImageError} if a chunk that the pixels need fails its checksum
 */
export function readPngChunks(bytes: Uint8Array): PngChunks {
  const header = readPngHeader(bytes);
  const chunks = { header, palette: null, transparency: null, exif: null } as Omit<
    PngChunks,
    'data'
  >;
  // One buffer for all IDAT chunks, because a file may have a million of them.
  const data = new Uint8Array(bytes.byteLength);
  let length = 0;
  let offset = signatureBytes;
  const view = viewOf(bytes);
  for (;;) {
    const chunk = readChunk(bytes, view, offset);
    if (!chunk) break;
    offset += chunkOverhead + chunk.data.byteLength;
    if (chunk.type === 'IEND') break;
    const isCritical = chunk.type === 'IDAT' || chunk.type === 'PLTE';
    if (!chunk.isIntact) {
      if (isCritical) throw corrupt(`its chunk ${chunk.type} fails its checksum`);
    } else if (chunk.type === 'PLTE') chunks.palette = chunk.data;
    else if (chunk.type === 'tRNS') chunks.transparency = chunk.data;
    else if (chunk.type === 'eXIf') chunks.exif = chunk.data;
    else if (chunk.type === 'IDAT') {
      data.set(chunk.data, length);
      length += chunk.data.byteLength;
    }
  }
  return { ...chunks, data: data.subarray(0, length) };
}

/**
 * Reads a chunk. It allocates only what it returns, because a file may have a million chunks.
 *
 * @param view of the whole file
 * @returns `null` if the file ends before the chunk does
 */
function readChunk(bytes: Uint8Array, view: DataView, offset: number) {
  if (offset + chunkOverhead > bytes.byteLength) return null;
  const end = offset + 8 + view.getUint32(offset);
  if (end + 4 > bytes.byteLength) return null;
  const type = chunkTypes.get(view.getUint32(offset + 4)) ?? 'other';
  const isIntact = crc32(bytes, offset + 4, end) === view.getUint32(end);
  return { type, data: bytes.subarray(offset + 8, end), isIntact };
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of a chunk's type and data (https://www.w3.org/TR/png-3/#5CRC-algorithm). */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let value = 0xffffffff;
  for (let i = start; i < end; i++) {
    value = (crcTable[(value ^ (bytes[i] as number)) & 0xff] as number) ^ (value >>> 8);
  }
  return (value ^ 0xffffffff) >>> 0;
}
