import { ImageError, type RasterImage } from './image.ts';
import { inflateExactly } from './inflate.ts';
import { exifOrientation, turnUpright } from './orientation.ts';
import { type PngChunks, type PngHeader, readPngChunks } from './png-chunks.ts';

/** Where a pass of the image starts and how far apart its pixels lie. */
interface Pass {
  x: number;
  y: number;
  stepX: number;
  stepY: number;
}

const wholeImage: Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];

/** https://www.w3.org/TR/png-3/#8InterlaceMethods */
const adam7: Pass[] = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

const samplesPerPixel: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Decodes a PNG of any colour type, depth and interlacing. Of 16-bit samples the upper 8 bits are
 * kept; gamma and colour profiles are not applied.
 *
 * Our own, for fast-png inflates pixels and colour profiles as far as they go, so that a file of some kilobytes fills the memory,
 * and does not read interlaced images of less than 8 bits.
 *
 * @throws {ImageError} where the file is cut off or damaged
 */
export function decodePng(bytes: Uint8Array): RasterImage {
  const chunks = readPngChunks(bytes);
  const { header } = chunks;
  const bitsPerPixel = header.depth * (samplesPerPixel[header.colorType] as number);
  const passes = passSizes(header, bitsPerPixel);
  const total = passes.reduce((sum, pass) => sum + pass.rows * (1 + pass.rowBytes), 0);
  const filtered = inflateExactly(chunks.data, total);

  const image = {
    width: header.width,
    height: header.height,
    data: new Uint8Array(4 * header.width * header.height),
  };
  const writePixel = pixelWriter(chunks, image.data);
  const filterDistance = Math.max(1, bitsPerPixel >> 3);
  let offset = 0;
  for (const pass of passes) {
    let previous: Uint8Array = new Uint8Array(pass.rowBytes);
    for (let row = 0; row < pass.rows; row++) {
      const filter = filtered[offset] as number;
      const current = filtered.subarray(offset + 1, offset + 1 + pass.rowBytes);
      unfilterRow(filter, current, previous, filterDistance);
      const start = (pass.y + row * pass.stepY) * header.width + pass.x;
      for (let column = 0; column < pass.columns; column++) {
        writePixel(current, column, 4 * (start + column * pass.stepX));
      }
      previous = current;
      offset += 1 + pass.rowBytes;
    }
  }
  return chunks.exif ? turnUpright(image, exifOrientation(chunks.exif)) : image;
}

function passSizes({ width, height, interlaced }: PngHeader, bitsPerPixel: number) {
  return (interlaced ? adam7 : wholeImage)
    .map((pass) => {
      const columns = Math.ceil((width - pass.x) / pass.stepX);
      const rows = Math.ceil((height - pass.y) / pass.stepY);
      return { ...pass, columns, rows, rowBytes: Math.ceil((columns * bitsPerPixel) / 8) };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
}

/** @returns a function that turns pixel `column` of an unfiltered row into RGBA at `to` */
function pixelWriter({ header, palette, transparency }: PngChunks, target: Uint8Array) {
  const { depth, colorType } = header;
  const samples = samplesPerPixel[colorType] as number;
  /** The sample as it stands in the file: what tRNS compares with. */
  const rawSample = (row: Uint8Array, i: number) => {
    if (depth === 8) return row[i] as number;
    if (depth === 16) return ((row[2 * i] as number) << 8) | (row[2 * i + 1] as number);
    const bit = i * depth;
    return ((row[bit >> 3] as number) >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
  };
  const toByte = (raw: number) =>
    depth === 8 ? raw : depth === 16 ? raw >> 8 : (raw * 255) / ((1 << depth) - 1);
  const transparent = transparentColor(colorType, transparency, samples);
  // What the test images are: a pixel in one go, where the general way takes it apart.
  if (colorType === 0 && depth === 8 && transparent === null) {
    return (row: Uint8Array, column: number, to: number): void => {
      const grey = row[column] as number;
      target[to] = grey;
      target[to + 1] = grey;
      target[to + 2] = grey;
      target[to + 3] = 255;
    };
  }

  return (row: Uint8Array, column: number, to: number): void => {
    const first = column * samples;
    if (colorType === 3) {
      const index = rawSample(row, first);
      if (palette === null || 3 * index + 2 >= palette.length) {
        throw new ImageError('bad_image', `The PNG's palette has no colour ${index}.`);
      }
      target.set(palette.subarray(3 * index, 3 * index + 3), to);
      target[to + 3] = transparency?.[index] ?? 255;
      return;
    }
    const colors = samples >= 3 ? 3 : 1;
    let matches = transparent !== null;
    for (let i = 0; i < 3; i++) {
      const raw = rawSample(row, first + (colors === 3 ? i : 0));
      target[to + i] = toByte(raw);
      matches &&= raw === transparent?.[colors === 3 ? i : 0];
    }
    const alpha = samples === colors ? 255 : toByte(rawSample(row, first + colors));
    target[to + 3] = matches ? 0 : alpha;
  };
}

/** The one colour that tRNS makes transparent where there is no palette and no alpha. */
function transparentColor(colorType: number, transparency: Uint8Array | null, samples: number) {
  if (transparency === null || (colorType !== 0 && colorType !== 2)) return null;
  if (transparency.byteLength !== 2 * samples) {
    throw new ImageError('bad_image', "The PNG's transparent colour (tRNS) has the wrong length.");
  }
  return Array.from(
    { length: samples },
    (_, i) => ((transparency[2 * i] as number) << 8) | (transparency[2 * i + 1] as number),
  );
}

/**
 * Undoes a PNG row's filter in place (https://www.w3.org/TR/png-3/#9Filters).
 *
 * @param filter 0 none, 1 sub, 2 up, 3 average, 4 Paeth
 * @param row as inflated; becomes the row's samples
 * @param previous the unfiltered row above, zeros for the first
 * @param distance bytes from a sample to the one on its left
 * @throws {ImageError} on any other filter
 */
export function unfilterRow(
  filter: number,
  row: Uint8Array,
  previous: Uint8Array,
  distance: number,
): void {
  if (filter === 0) return;
  const predict = predictors[filter];
  if (!predict)
    throw new ImageError('bad_image', `The PNG has a row with unknown filter ${filter}.`);
  for (let i = 0; i < row.length; i++) {
    const left = i < distance ? 0 : (row[i - distance] as number);
    const up = previous[i] as number;
    const upLeft = i < distance ? 0 : (previous[i - distance] as number);
    row[i] = (row[i] as number) + predict(left, up, upLeft);
  }
}

const predictors: Record<number, (left: number, up: number, upLeft: number) => number> = {
  1: (left) => left,
  2: (_left, up) => up,
  3: (left, up) => (left + up) >> 1,
  4: paeth,
};

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft;
  const distanceLeft = Math.abs(estimate - left);
  const distanceUp = Math.abs(estimate - up);
  const distanceUpLeft = Math.abs(estimate - upLeft);
  if (distanceLeft <= distanceUp && distanceLeft <= distanceUpLeft) return left;
  return distanceUp <= distanceUpLeft ? up : upLeft;
}
