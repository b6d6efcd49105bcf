import { type ImageDecoder, ImageError, type RasterImage } from './image.ts';
import { inflate } from './inflate.ts';
import { applyOrientation, exifOrientation } from './orientation.ts';
import { openRaster, type RasterWriter } from './raster.ts';

/** The first chunk of a PNG (https://www.w3.org/TR/png-3/#11IHDR). */
interface PngHeader {
  width: number;
  height: number;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  depth: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha. */
  colorType: number;
  interlaced: boolean;
}

/** The chunks that a PNG's pixels depend on. */
interface PngChunks {
  header: PngHeader;
  /** PLTE: red, green, blue a colour. */
  palette: Uint8Array | null;
  /** tRNS, as in the file. */
  transparency: Uint8Array | null;
  /** eXIf: how the camera was held. */
  exif: Uint8Array | null;
  /** The IDAT chunks, joined: a zlib stream. */
  data: Uint8Array;
}

/** The depths that go with each colour type. */
const depths: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
const samplesPerPixel: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

const signatureBytes = 8;
/** The types of chunks that are read, by their four bytes. */
const chunkTypes = new Map(
  ['IHDR', 'PLTE', 'tRNS', 'eXIf', 'IDAT', 'IEND'].map((type) => [
    Array.from(type).reduce((bits, letter) => bits * 256 + letter.charCodeAt(0), 0),
    type,
  ]),
);
/** Length, type and CRC around a chunk's data. */
const chunkOverhead = 12;

/** Inflated data per allowed pixel: 16 megapixels of 32 bits are a second of work. */
const maxBytesPerPixel = 4;

/** An interlaced picture needs all of its pixels at once. */
const maxInterlacedPixels = 1_000_000;

export const png: ImageDecoder = {
  readSize: readPngHeader,
  decode: (bytes, { minSide, maxPixels }) => decodePng(bytes, minSide, maxPixels),
};

const corrupt = (why: string) => new ImageError('bad_image', `The PNG is corrupt: ${why}.`);

/**
 * Reads a PNG's size and kind without touching its pixels.
 *
 * @param bytes a file that starts with the PNG signature
 * @throws {ImageError} if it does not start with a valid header
 */
function readPngHeader(bytes: Uint8Array): PngHeader {
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

/**
 * Decodes a PNG of any colour type, depth and interlacing, row by row. Gamma and colour profiles are not applied. As libpng does, it
 * accepts damage that leaves the pixels intact: ancillary chunks that fail their checksum, surplus data, a missing end.
 *
 * Our own: fast-png inflates pixels and colour profiles without a bound, so that a file of some kilobytes fills the memory, and does not
 * read interlaced images of less than 8 bits.
 *
 * @param minSide the picture may be reduced as long as its longer side keeps this many pixels (default: it is not)
 * @param maxPixels the limit of width x height; fewer if a pixel has more than 32 bits (default: none)
 * @throws {ImageError} if the file is cut off, corrupt or too large
 */
function decodePng(
  bytes: Uint8Array,
  minSide?: number,
  maxPixels = Number.POSITIVE_INFINITY,
): RasterImage {
  const chunks = readPngChunks(bytes);
  const { width, height, interlaced, depth } = chunks.header;
  if (interlaced && width * height > maxInterlacedPixels) {
    throw new ImageError(
      'image_too_large',
      `The PNG is interlaced and ${width}x${height} pixels; at most ${maxInterlacedPixels / 1e6} megapixels are supported.`,
    );
  }
  // Samples of 16 bits are read twice.
  const bytesPerPixel = (bitsOf(chunks.header) / 8) * (depth === 16 ? 2 : 1);
  const most = (maxPixels * maxBytesPerPixel) / bytesPerPixel;
  if (width * height > most) {
    throw new ImageError(
      'image_too_large',
      `The PNG is ${width}x${height} pixels of ${bitsOf(chunks.header)} bits; at most ${most / 1e6} megapixels of that kind are supported.`,
    );
  }
  const toRgba = rowConverter(chunks, depth === 16 ? scale16(chunks) : 1);
  const raster = openRaster(width, height, interlaced ? undefined : minSide);
  const image = interlaced
    ? decodePasses(chunks, toRgba)
    : decodeRows(chunks, width, height, toRgba, raster);
  return chunks.exif ? applyOrientation(image, exifOrientation(chunks.exif)) : image;
}

/** Chunks that do not bear on the pixels are passed over: text and colour profiles may be compressed, and inflate to anything. */
function readPngChunks(bytes: Uint8Array): PngChunks {
  const header = readPngHeader(bytes);
  const chunks = { header, palette: null, transparency: null, exif: null } as Omit<
    PngChunks,
    'data'
  >;
  // IDAT chunks are moved together: there may be as many as there are bytes.
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
 * Nothing else is made per chunk: a file may have a million.
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

/** Receives an unfiltered row; the array is reused for a later one. */
type OnRow = (y: number, row: Uint8Array) => void;

/** Unfilters the rows of a picture, or of one pass, as they are inflated. */
function rowReader(columns: number, bitsPerPixel: number, onRow: OnRow) {
  const rowBytes = Math.ceil((columns * bitsPerPixel) / 8);
  const distance = Math.max(1, bitsPerPixel >> 3);
  let current = new Uint8Array(rowBytes);
  let previous = new Uint8Array(rowBytes);
  let filter = -1;
  let filled = 0;
  let y = 0;
  return {
    bytes: (rows: number) => rows * (1 + rowBytes),
    /** @returns how many bytes it has taken, at most to the end of row `rows` */
    take(piece: Uint8Array, rows: number): number {
      let at = 0;
      while (at < piece.length && y < rows) {
        if (filter < 0) {
          filter = piece[at++] as number;
          continue;
        }
        const part = piece.subarray(at, at + rowBytes - filled);
        current.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < rowBytes) break;
        unfilterRow(filter, current, previous, distance);
        onRow(y++, current);
        [current, previous] = [previous, current];
        filter = -1;
        filled = 0;
      }
      return at;
    },
  };
}

function bitsOf({ depth, colorType }: PngHeader) {
  return depth * (samplesPerPixel[colorType] as number);
}

type RowConverter = (row: Uint8Array, columns: number, target: Uint8Array) => void;

function decodeRows(
  { header, data }: PngChunks,
  width: number,
  height: number,
  toRgba: RowConverter,
  raster: RasterWriter,
): RasterImage {
  const rgba = new Uint8Array(4 * width);
  const reader = rowReader(width, bitsOf(header), (y, row) => {
    toRgba(row, width, rgba);
    raster.write(y, rgba);
  });
  inflate(data, reader.bytes(height), (piece) => void reader.take(piece, height));
  return raster.finish();
}

/** Start and distance of each pass's pixels (https://www.w3.org/TR/png-3/#8InterlaceMethods). */
const adam7 = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

function decodePasses({ header, data }: PngChunks, toRgba: RowConverter): RasterImage {
  const { width, height } = header;
  const image = { width, height, data: new Uint8Array(4 * width * height) };
  const pixels = new Uint32Array(image.data.buffer);
  const passes = adam7
    .map(({ x, y, stepX, stepY }) => {
      const columns = Math.ceil((width - x) / stepX);
      const rows = Math.ceil((height - y) / stepY);
      const rgba = new Uint32Array(Math.max(0, columns));
      const reader = rowReader(columns, bitsOf(header), (passY, row) => {
        toRgba(row, columns, new Uint8Array(rgba.buffer));
        let to = (y + passY * stepY) * width + x;
        for (const pixel of rgba) {
          pixels[to] = pixel;
          to += stepX;
        }
      });
      return { columns, rows, reader, left: reader.bytes(rows) };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const total = passes.reduce((sum, { left }) => sum + left, 0);
  inflate(data, total, (piece) => {
    let rest = piece;
    for (const pass of passes) {
      if (pass.left === 0 || rest.length === 0) continue;
      const taken = pass.reader.take(rest, pass.rows);
      pass.left -= taken;
      rest = rest.subarray(taken);
    }
  });
  return image;
}

/**
 * Cameras and microscopes store 12 bits in samples of 16, without scaling: a picture that would be all but black.
 *
 * @returns what a sample's 16 bits are multiplied by
 */
function scale16({ header, data }: PngChunks): number {
  const rows = header.interlaced ? 0 : header.height;
  let max = 0;
  const reader = rowReader(header.width, bitsOf(header), (_, row) => {
    for (let i = 0; i < row.length; i += 2) {
      max = Math.max(max, ((row[i] as number) << 8) | (row[i + 1] as number));
    }
  });
  if (rows > 0) inflate(data, reader.bytes(rows), (piece) => void reader.take(piece, rows));
  return max > 255 && max <= 4095 ? 65535 / 4095 : 1;
}

/** @returns a function that turns an unfiltered row into RGBA */
function rowConverter(chunks: PngChunks, scale: number): RowConverter {
  const { palette, transparency } = chunks;
  const { depth, colorType } = chunks.header;
  const samples = samplesPerPixel[colorType] as number;
  const colors = samples >= 3 ? 3 : 1;
  const maxSample = 2 ** depth - 1;
  /** The sample as in the file: what tRNS compares with. */
  const rawSample = (row: Uint8Array, i: number) => {
    if (depth === 8) return row[i] as number;
    if (depth === 16) return ((row[2 * i] as number) << 8) | (row[2 * i + 1] as number);
    const bit = i * depth;
    return ((row[bit >> 3] as number) >> (8 - depth - (bit & 7))) & maxSample;
  };
  const toByte = (raw: number) =>
    depth === 8 ? raw : depth === 16 ? (raw * scale) >> 8 : (raw * 255) / maxSample;
  const transparent = transparentColor(colorType, transparency, samples);

  const fromPalette: RowConverter = (row, columns, target) => {
    for (let column = 0, to = 0; column < columns; column++, to += 4) {
      const index = rawSample(row, column);
      if (palette === null || 3 * index + 2 >= palette.length) {
        throw corrupt(`its palette has no colour ${index}`);
      }
      for (let i = 0; i < 3; i++) target[to + i] = palette[3 * index + i] as number;
      target[to + 3] = transparency?.[index] ?? 255;
    }
  };
  const fromSamples: RowConverter = (row, columns, target) => {
    for (let column = 0, to = 0; column < columns; column++, to += 4) {
      const first = column * samples;
      let matches = transparent !== null;
      for (let i = 0; i < 3; i++) {
        const channel = colors === 3 ? i : 0;
        const raw = rawSample(row, first + channel);
        target[to + i] = toByte(raw);
        matches &&= raw === transparent?.[channel];
      }
      const alpha = samples === colors ? 255 : toByte(rawSample(row, first + colors));
      target[to + 3] = matches ? 0 : alpha;
    }
  };
  const asStored: RowConverter = (row, columns, target) => target.set(row.subarray(0, 4 * columns));
  if (colorType === 6 && depth === 8) return asStored;
  return colorType === 3 ? fromPalette : fromSamples;
}

/** The one colour that tRNS makes transparent if there is no palette and no alpha. */
function transparentColor(colorType: number, transparency: Uint8Array | null, samples: number) {
  if (transparency === null || (colorType !== 0 && colorType !== 2)) return null;
  if (transparency.byteLength !== 2 * samples) {
    throw corrupt('its transparent colour (tRNS) has the wrong length');
  }
  return Array.from(
    { length: samples },
    (_, i) => ((transparency[2 * i] as number) << 8) | (transparency[2 * i + 1] as number),
  );
}

/**
 * Undoes a row's filter in place (https://www.w3.org/TR/png-3/#9Filters).
 *
 * @param filter 0 none, 1 sub, 2 up, 3 average, 4 Paeth
 * @param previous the unfiltered row above, zeros for the first
 * @param distance bytes from a sample to the one on its left
 * @throws {ImageError} on any other filter
 */
function unfilterRow(
  filter: number,
  row: Uint8Array,
  previous: Uint8Array,
  distance: number,
): void {
  const { length } = row;
  // One loop per filter: a call per byte takes three times as long.
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = distance; i < length; i++) {
        row[i] = (row[i] as number) + (row[i - distance] as number);
      }
      return;
    case 2:
      for (let i = 0; i < length; i++) row[i] = (row[i] as number) + (previous[i] as number);
      return;
    case 3:
      for (let i = 0; i < length; i++) {
        const left = i < distance ? 0 : (row[i - distance] as number);
        row[i] = (row[i] as number) + ((left + (previous[i] as number)) >> 1);
      }
      return;
    case 4:
      for (let i = 0; i < length; i++) {
        const left = i < distance ? 0 : (row[i - distance] as number);
        const upLeft = i < distance ? 0 : (previous[i - distance] as number);
        row[i] = (row[i] as number) + paeth(left, previous[i] as number, upLeft);
      }
      return;
    default:
      throw corrupt(`a row has the unknown filter ${filter}`);
  }
}

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft;
  const distanceLeft = Math.abs(estimate - left);
  const distanceUp = Math.abs(estimate - up);
  const distanceUpLeft = Math.abs(estimate - upLeft);
  if (distanceLeft <= distanceUp && distanceLeft <= distanceUpLeft) return left;
  return distanceUp <= distanceUpLeft ? up : upLeft;
}
