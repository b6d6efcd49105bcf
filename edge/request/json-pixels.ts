import { Problem } from '../problem.ts';

/**
 * Reads an image written as JSON numbers: one flat array or an array of rows. Where no value is
 * above 1 they are taken as [0, 1], else as 0..255.
 *
 * @returns height x width values, 0 black to 255 white, row by row
 * @throws {Problem} `bad_pixels`, with the value and its place
 */
export function jsonPixels(value: unknown, height: number, width: number): Float64Array {
  if (!Array.isArray(value)) {
    throw wrong(`Pixels must be an array, not ${JSON.stringify(value)?.slice(0, 40)}.`);
  }
  const isNested = value.some(Array.isArray);
  if (isNested) checkRows(value, height, width);
  else if (value.length !== height * width) {
    throw wrong(
      `${value.length} pixels; an image has ${height * width}, or ${height} rows of ${width}.`,
    );
  }

  const pixels = new Float64Array(height * width);
  for (const [i, pixel] of (isNested ? value.flat() : value).entries()) {
    const place = isNested ? `row ${Math.floor(i / width)}, column ${i % width}` : `pixel ${i}`;
    if (typeof pixel !== 'number' || !Number.isFinite(pixel)) {
      throw wrong(`${place} is ${describe(pixel)}, not a number from 0 to 255.`);
    }
    if (pixel < 0 || pixel > 255) throw wrong(`${place} is ${pixel}, not within 0 to 255.`);
    pixels[i] = pixel;
  }
  return pixels.every((pixel) => pixel <= 1) ? pixels.map((pixel) => pixel * 255) : pixels;
}

function checkRows(rows: unknown[], height: number, width: number): void {
  if (rows.length !== height) throw wrong(`${rows.length} rows; an image has ${height}.`);
  for (const [i, row] of rows.entries()) {
    if (!Array.isArray(row)) throw wrong(`row ${i} is ${describe(row)}, not an array.`);
    if (row.length !== width) {
      throw wrong(`row ${i} has ${row.length} pixels; a row has ${width}.`);
    }
  }
}

/** Numbers that JSON can't write (1e999 is read as Infinity) are named as they are. */
const describe = (value: unknown) =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value)?.slice(0, 40) ?? 'missing');

const wrong = (detail: string) => new Problem('bad_pixels', detail);
