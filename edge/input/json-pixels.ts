import type { ModelInputOptions } from '../../shared/image/model-input.ts';
import { Problem } from '../errors.ts';

/** For arrays of another length, which may be several images. */
const several =
  'Several images are separate elements of "images", or of "instances" in TensorFlow Serving.';

/**
 * Reads an image from JSON numbers: a flat array or an array of rows. A pixel is a number, or an array of one as in tensors with
 * channels; in colour, an array of red, green and blue. The array may be the only element of others, as in a batch of one.
 *
 * @returns height x width x channels values, 0 to 255, row by row
 * @throws {Problem} `bad_pixels`, with the value and its position
 */
export function jsonPixels(
  given: unknown,
  { height, width, channels = 1 }: ModelInputOptions,
): Float64Array {
  const value = withoutBatch(given);
  if (!Array.isArray(value)) {
    const advice = typeof value === 'string' ? ' A file in base64 is {"b64": "…"}.' : '';
    throw wrong(`Pixels must be an array, not ${JSON.stringify(value)?.slice(0, 40)}.${advice}`);
  }
  const isNested = value.some(Array.isArray);
  if (isNested) checkRows(value, height, width);
  else if (value.length !== height * width * channels) {
    throw wrong(
      `${value.length} pixels; an image has ${height * width * channels}, or ${height} rows of ${width}. ${several}`,
    );
  }

  const pixels = isNested ? value.flat().flatMap(channelsIn) : value;
  return scalePixels(pixels, (i) =>
    isNested
      ? `row ${Math.floor(i / channels / width)}, column ${Math.floor(i / channels) % width}`
      : `pixel ${i}`,
  );

  function channelsIn(pixel: unknown, i: number): unknown {
    if (Array.isArray(pixel) ? pixel.length === channels : channels === 1) return pixel;
    if (channels === 1) return [pixel];
    throw wrong(
      `row ${Math.floor(i / width)}, column ${i % width} is ${describe(pixel)}, not [red, green, blue].`,
    );
  }
}

/** Removes dimensions of 1 before the image's own: [1, 28, 28] and [1, 1, 28, 28] are [28, 28]. */
function withoutBatch(value: unknown): unknown {
  let array = value;
  while (Array.isArray(array) && array.length === 1 && Array.isArray(array[0])) [array] = array;
  return array;
}

/** The rounding error that arithmetic with floats may add to 0, 1 or 255. */
const rounding = 1e-3;

/**
 * Checks the pixels of one image and scales them to 0..255. If no value is above 1, they are within [0, 1]. Values that rounding put
 * beyond a range are cut to it.
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
    if (pixel < -rounding || pixel > 255 + rounding) {
      const advice = pixel < 0 && pixel >= -1 ? ' The Worker normalizes them itself.' : '';
      throw wrong(`${describePosition(i)} is ${pixel}, not within 0 to 255, or 0 to 1.${advice}`);
    }
    pixels[i] = Math.min(Math.max(pixel, 0), 255);
  }
  return scaled(pixels);
}

function scaled(pixels: Float64Array): Float64Array {
  const largest = pixels.reduce((most, pixel) => Math.max(most, pixel), 0);
  if (largest <= 1 + rounding) return pixels.map((pixel) => Math.min(pixel, 1) * 255);
  if (largest < 2 && !pixels.every(Number.isInteger)) {
    throw wrong(
      `The largest pixel is ${largest}: too much for 0 to 1, and too little for 0 to 255. Divide or multiply them.`,
    );
  }
  return pixels;
}

function checkRows(rows: unknown[], height: number, width: number): void {
  if (rows.length !== height)
    throw wrong(`${rows.length} rows; an image has ${height}. ${several}`);
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
