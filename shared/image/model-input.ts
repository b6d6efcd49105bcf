import type { Background } from '../model/model-spec.ts';
import { decodeImage } from './decode-image.ts';
import type { DecodeOptions, RasterImage } from './image.ts';
import { isolate, searchSide } from './isolate.ts';
import { type GreyImage, resizeByArea } from './resize.ts';

/** Whether to swap light and dark. `auto` decides by the background. */
export type Inversion = 'auto' | 'true' | 'false';

export interface ModelInputOptions {
  /** Size of the network's input in pixels. */
  height: number;
  width: number;
  /** (default: auto) */
  invert?: Inversion;
  /** Applied under `invert: auto`. (default: `{ kind: 'invert' }`) */
  background?: Background;
}

/**
 * How far red, green and blue may differ in an image that still counts as grey: JPEG's conversion to RGB and back rounds.
 */
const greyTolerance = 8;

/** The share of pixels that are grey in a picture that counts as grey, and the border's grey level below which it counts as black. */
const minGreyShare = 0.99;
const maxBlack = 16;

/**
 * Converts a picture to the network's input: alpha over white, Rec. 601 luma, fitted into the input without distortion, averaged by area,
 * a light background inverted or the garment isolated, because the data set's garments are light on black.
 *
 * A picture that is light on black already is one of the data set's own kind. If it also has the input's size, its pixels stay the same
 * to the last bit.
 *
 * @returns height x width bytes, 0 black to 255 white, row by row
 */
export function toModelInput(image: RasterImage, options: ModelInputOptions): Uint8Array {
  const { height, width, invert = 'auto', background: removal } = options;
  const grey = toGrey(image);
  const isInputSize = image.width === width && image.height === height;
  const { greyShare, isOpaque } = describe(image);
  // A transparent background has been removed already.
  if (removal?.kind === 'isolate' && invert === 'auto' && isOpaque) {
    const isOwnKind = greyShare >= minGreyShare && (isInputSize || borderMedian(grey) < maxBlack);
    const isolated = isOwnKind ? null : isolate(image, { height, width, mean: removal.mean });
    if (isolated) return isolated;
  }
  const isOwn = isInputSize && isOpaque && greyShare === 1;
  const { values, background } = isOwn
    ? { values: grey.values, background: borderMedian(grey) }
    : center(grey, width, height);
  const inverts = invert === 'auto' ? background > 127.5 : invert === 'true';
  const pixels = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    pixels[i] = Math.round(inverts ? 255 - value : value);
  }
  return pixels;
}

/** Returns the luma of each pixel, transparent ones over white. */
function toGrey({ width, height, data }: RasterImage): GreyImage {
  const values = new Float32Array(width * height);
  for (let i = 0; i < values.length; i++) {
    const red = data[4 * i] as number;
    const green = data[4 * i + 1] as number;
    const blue = data[4 * i + 2] as number;
    const alpha = data[4 * i + 3] as number;
    // Integers up to the division: a grey of 7 is 7, not 6.9999.
    const luma = (299 * red + 587 * green + 114 * blue) / 1000;
    values[i] = alpha === 255 ? luma : (luma * alpha + 255 * (255 - alpha)) / 255;
  }
  return { width, height, values };
}

function describe({ data }: RasterImage) {
  let grey = 0;
  let isOpaque = true;
  for (let i = 0; i < data.length; i += 4) {
    const red = data[i] as number;
    const green = data[i + 1] as number;
    const blue = data[i + 2] as number;
    const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
    if (spread <= greyTolerance) grey++;
    if (data[i + 3] !== 255) isOpaque = false;
  }
  return { greyShare: (4 * grey) / data.length, isOpaque };
}

/** Centres the picture in the rectangle, on its own background. */
function center(image: GreyImage, width: number, height: number) {
  const scale = Math.min(width / image.width, height / image.height);
  const inner = resizeByArea(
    image,
    Math.max(1, Math.round(image.width * scale)),
    Math.max(1, Math.round(image.height * scale)),
  );
  const background = borderMedian(inner);
  const values = new Float32Array(width * height).fill(background);
  const left = (width - inner.width) >> 1;
  const top = (height - inner.height) >> 1;
  for (let y = 0; y < inner.height; y++) {
    const row = inner.values.subarray(y * inner.width, (y + 1) * inner.width);
    values.set(row, (top + y) * width + left);
  }
  return { values, background };
}

/** The median of the outermost pixels: the background, even if the garment touches a part of the border. */
function borderMedian({ width, height, values }: GreyImage): number {
  const border = values.filter((_, i) => {
    const x = i % width;
    const y = Math.floor(i / width);
    return x === 0 || y === 0 || x === width - 1 || y === height - 1;
  });
  border.sort();
  return border[border.length >> 1] as number;
}

export interface ReadImageOptions extends Omit<DecodeOptions, 'minSide'>, ModelInputOptions {}

/** Pixels that a picture keeps while it is decoded, per pixel of the network's input: averaging them again then loses nothing. */
const oversampling = 16;
/** As many as a network input of 28x28 asks for; enough for one of 224x224. */
const maxMinSide = 448;

/** Isolating a garment looks at fewer pixels. */
function minSideFor({ height, width, background }: ModelInputOptions): number {
  if (background?.kind === 'isolate') return 2 * searchSide;
  const side = Math.max(height, width);
  return Math.max(2 * side, Math.min(oversampling * side, maxMinSide));
}

/**
 * Converts an image file to the network's input: PNG, JPEG, WebP, GIF or BMP of any size up to the format's limit.
 *
 * @param bytes the file as it is
 * @returns height x width bytes, 0 black to 255 white, row by row
 * @throws {ImageError} if the bytes are not such an image, corrupt or too large
 */
export async function readImage(bytes: Uint8Array, options: ReadImageOptions): Promise<Uint8Array> {
  const image = await decodeImage(bytes, { ...options, minSide: minSideFor(options) });
  return toModelInput(image, options);
}
