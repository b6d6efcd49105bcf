import { Problem } from '../errors.ts';

/**
 * Reads an image from JSON numbers: a flat array or an array of rows. A pixel is a number, or an array of one as in tensors with
 * channels.
 *
 * @returns height x width values, 0 black to 255 white, row by row
 * @throws {Problem} `bad_pixels`, with the value and its position
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

  const pixels = isNested ? value.flat().map(onlyChannel) : value;
  return scalePixels(pixels, (i) =>
    isNested ? `row ${Math.floor(i / width)}, column ${i % width}` : `pixel ${i}`,
  );
}

/**
 * Checks the pixels of one image and scales them to 0..255. If no value is above 1, they are within [0, 1].
 *
 * @param describePosition names the position of a pixel in error messages
 * @returns as many values, 0 black to 255 white
 * @throws {Problem} `bad_pixels`, with the value and its position
 */
export function scalePixels(
  values: ArrayLike<unknown>,
  describePosition: (i: number) => string,
): Float64Array {
  const pixels = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const pixel = values[i];
    if (typeof pixel !== 'number' || !Number.isFinite(pixel)) {
      throw wrong(`${describePosition(i)} is ${describe(pixel)}, not a number from 0 to 255.`);
    }
    if (pixel < 0 || pixel > 255) {
      throw wrong(`${describePosition(i)} is ${pixel}, not within 0 to 255.`);
    }
    pixels[i] = pixel;
  }
  return pixels.every((pixel) => pixel <= 1) ? pixels.map((pixel) => pixel * 255) : pixels;
}

const onlyChannel = (pixel: unknown) =>
  Array.isArray(pixel) && pixel.length === 1 ? pixel[0] : pixel;

function checkRows(rows: unknown[], height: number, width: number): void {
  if (rows.length !== height) throw wrong(`${rows.length} rows; an image has ${height}.`);
  for (const [i, row] of rows.entries()) {
    if (!Array.isArray(row)) throw wrong(`row ${i} is ${describe(row)}, not an array.`);
    if (row.length !== width) {
      throw wrong(`row ${i} has ${row.length} pixels; a row has ${width}.`);
    }
  }
}

/** JSON can't write Infinity, which 1e999 becomes: numbers are shown as they are. */
const describe = (value: unknown) =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value)?.slice(0, 40) ?? 'missing');

const wrong = (detail: string) => new Problem('bad_pixels', detail);

/**
 * Decodes base64 of either alphabet (RFC 4648), padded or not, plain or in a data URL (RFC 2397).
 *
 * @throws {Problem} `bad_image`
 */
export function base64Bytes(text: string): Uint8Array {
  const comma = text.indexOf(',');
  const isDataUrl = text.startsWith('data:');
  if (isDataUrl && !text.slice(0, comma).endsWith(';base64')) {
    throw new Problem(
      'bad_image',
      `The data URL "${text.slice(0, 40)}" is not data:<type>;base64,<data>.`,
    );
  }
  const base64 = isDataUrl ? text.slice(comma + 1) : text;
  // The second alphabet has - and _ instead of + and /.
  const alphabet = /[-_]/.test(base64) ? 'base64url' : 'base64';
  try {
    return Uint8Array.fromBase64(base64, { alphabet });
  } catch (cause) {
    throw new Problem(
      'bad_image',
      `"${text.slice(0, 40)}" is neither base64 nor a data URL of an image.`,
      { cause },
    );
  }
}
