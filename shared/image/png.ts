import {
  freeArray,
  type ImageDecoder,
  ImageError,
  type OpenDecoder,
  type RasterImage,
} from './image.ts';
import { inflate } from './inflate.ts';
import { applyOrientation, exifOrientation } from './orientation.ts';
import { bitsOf, type PngChunks, readPngChunks, readPngHeader } from './png-chunks.ts';
import { type RowConverter, rowConverter } from './png-colours.ts';
import { rowReader } from './png-rows.ts';
import { openRaster, type RasterWriter } from './raster.ts';

/** Bytes of inflated data per allowed pixel: 16 megapixels of 32 bits take a second. */
const maxBytesPerPixel = 4;

/** The limit of an interlaced picture, whose pixels are all in memory at once. */
const maxInterlacedPixels = 1_000_000;

export const png: ImageDecoder = {
  readSize(bytes) {
    const header = readPngHeader(bytes);
    const { width, height, interlaced } = header;
    if (!interlaced || width * height <= maxInterlacedPixels) return header;
    throw new ImageError(
      'image_too_large',
      `The PNG is interlaced and ${width}x${height} pixels; at most ${maxInterlacedPixels / 1e6} megapixels are supported.`,
    );
  },
  decode: async (bytes, { minSide, maxPixels, compiledDecoder }) =>
    decodePng(bytes, await compiledDecoder(), minSide, maxPixels),
};

/**
 * Decodes a PNG of any colour type, depth and interlacing, row by row. Gamma and colour profiles are not applied. As libpng does, it
 * accepts damage that leaves the pixels intact: ancillary chunks that fail their checksum, surplus data, a missing end.
 *
 * A decoder of our own, because fast-png inflates pixels and colour profiles without a bound, so that a file of some kilobytes fills the memory, and does not
 * read interlaced images of less than 8 bits.
 *
 * @param minSide pixels that the longer side keeps if the picture is reduced (default: it is not reduced)
 * @param maxPixels the limit of width x height; fewer if a pixel has more than 32 bits (default: none)
 * @throws {ImageError} if the file is cut off, corrupt or too large
 */
function decodePng(
  bytes: Uint8Array,
  open: OpenDecoder,
  minSide?: number,
  maxPixels = Number.POSITIVE_INFINITY,
): RasterImage {
  const chunks = readPngChunks(bytes);
  const { width, height, interlaced, depth } = chunks.header;
  // Samples of 16 bits are read twice.
  const bytesPerPixel = (bitsOf(chunks.header) / 8) * (depth === 16 ? 2 : 1);
  const most = (maxPixels * maxBytesPerPixel) / bytesPerPixel;
  if (width * height > most) {
    throw new ImageError(
      'image_too_large',
      `The PNG is ${width}x${height} pixels of ${bitsOf(chunks.header)} bits; at most ${most / 1e6} megapixels of that kind are supported.`,
    );
  }
  const toRgba = rowConverter(chunks, depth === 16 ? scale16(chunks, open) : 1);
  const raster = openRaster(width, height, interlaced ? undefined : minSide);
  const image = interlaced
    ? decodePasses(chunks, open, toRgba)
    : decodeRows(chunks, open, toRgba, raster);
  freeArray(chunks.data);
  return chunks.exif ? applyOrientation(image, exifOrientation(chunks.exif)) : image;
}

function decodeRows(
  { header, data }: PngChunks,
  open: OpenDecoder,
  toRgba: RowConverter,
  raster: RasterWriter,
): RasterImage {
  const { width, height } = header;
  const rgba = new Uint8Array(4 * width);
  const reader = rowReader(width, bitsOf(header), (y, row) => {
    toRgba(row, width, rgba);
    raster.write(y, rgba);
  });
  inflate(open, data, reader.bytes(height), (piece) => void reader.take(piece, height));
  return raster.finish();
}

/** The first pixel of each pass, and the steps to the next ones (https://www.w3.org/TR/png-3/#8InterlaceMethods). */
const adam7 = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

function decodePasses(
  { header, data }: PngChunks,
  open: OpenDecoder,
  toRgba: RowConverter,
): RasterImage {
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
  inflate(open, data, total, (piece) => {
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
 * Finds the factor of samples of 16 bits. Cameras and microscopes store 12 bits in them without scaling, which would look almost black.
 *
 * @returns 1, or 65535 / 4095 if no sample has more than 12 bits and one has more than 8
 */
function scale16({ header, data }: PngChunks, open: OpenDecoder): number {
  const rows = header.interlaced ? 0 : header.height;
  let max = 0;
  const reader = rowReader(header.width, bitsOf(header), (_, row) => {
    for (let i = 0; i < row.length; i += 2) {
      max = Math.max(max, ((row[i] as number) << 8) | (row[i + 1] as number));
    }
  });
  if (rows > 0) inflate(open, data, reader.bytes(rows), (piece) => void reader.take(piece, rows));
  return max > 255 && max <= 4095 ? 65535 / 4095 : 1;
}
