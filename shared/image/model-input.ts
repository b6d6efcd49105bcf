import type { Background, Channels, Fit } from '../model/model-spec.ts';
import type { Crop } from '../model/prediction.ts';
import { decodeImage } from './decode-image.ts';
import { type DecodeOptions, freeArray, type RasterImage } from './image.ts';
import { isolate, searchSide } from './isolate.ts';
import { type ChannelImage, type Part, resizeByArea } from './resize.ts';

/** Whether to swap light and dark. `auto` leaves it to the model. */
export type Inversion = 'auto' | 'true' | 'false';

export interface ModelInputOptions {
  /** Size of the network's input in pixels. */
  height: number;
  width: number;
  /** 1 for grey, 3 for red, green and blue (default: 1). */
  channels?: Channels | undefined;
  /** (default: contain) */
  fit?: Fit;
  /** (default: `{ kind: 'invert' }`) */
  background?: Background;
  /** `true` and `false` replace what `background` says. (default: auto) */
  invert?: Inversion;
}

/** The network's input from a picture. */
export interface ModelInput {
  /** height x width x channels bytes, 0 to 255, row by row. */
  pixels: Uint8Array;
  /** The part of the picture that the pixels show, after its EXIF orientation was applied. */
  crop: Crop;
}

/** The border's grey level below which it counts as black. */
const maxBlack = 16;

/**
 * Converts a picture to the network's input: alpha over white, Rec. 601 luma if the input is grey, fitted into the input, averaged by area,
 * and the background treated as the options say. A picture of the input's size and colour keeps its pixels to the last bit, unless it is
 * inverted. Only grey inputs can be isolated.
 *
 * A picture that is light on black already is one of the data set's own kind: nothing has to be isolated.
 */
export async function toModelInput(
  image: RasterImage,
  options: ModelInputOptions & Pick<DecodeOptions, 'compiledDecoder'>,
): Promise<ModelInput> {
  const { height, width, channels = 1, fit = 'contain', invert = 'auto' } = options;
  const background = options.background ?? { kind: 'invert' };
  if (background.kind === 'isolate' && channels === 1 && invert === 'auto') {
    const open = await options.compiledDecoder();
    const size = { height, width, mean: background.mean };
    const isolated = isolate(image, open, size, () => isReady(image, size));
    if (isolated) return { pixels: isolated.pixels, crop: inOriginal(isolated.crop, image) };
  }
  const picture = channels === 1 ? toGrey(image) : toColours(image);
  const { pixels, crop } = fitInto(picture, { height, width, fit }, extentOf(image));
  if (picture.values !== image.data) freeArray(picture.values);
  const inverts =
    invert === 'auto'
      ? background.kind !== 'keep' && isLight({ height, width, channels, values: pixels })
      : invert === 'true';
  if (inverts) invertPixels(pixels);
  return { pixels, crop: inOriginal(crop, image) };
}

/** Whether a grey picture needs no isolation: it has the input's size, or a black background. */
function isReady(image: RasterImage, { height, width }: { height: number; width: number }) {
  if (image.width === width && image.height === height) return true;
  const grey = toGrey(image);
  const isBlack = (borderColour(grey)[0] as number) < maxBlack;
  freeArray(grey.values);
  return isBlack;
}

/** Swaps light and dark, in place. */
export function invertPixels(pixels: Uint8Array): void {
  for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - (pixels[i] as number);
}

/** Whether the outermost pixels are light: in half of the channels or more, if the picture has several. */
export function isLight(image: Values): boolean {
  const light = borderColour(image).filter((level) => level >= 128);
  return light.length * 2 >= image.channels;
}

/** Returns red, green and blue of each pixel, transparent ones over white. */
function toColours({ width, height, data }: RasterImage): ChannelImage {
  if (isOpaque(data)) return { width, height, channels: 3, values: data, step: 4 };
  const values = new Float32Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const alpha = data[from + 3] as number;
    for (let i = 0; i < 3; i++) {
      const level = data[from + i] as number;
      values[to++] = alpha === 255 ? level : (level * alpha + 255 * (255 - alpha)) / 255;
    }
  }
  return { width, height, channels: 3, values };
}

function isOpaque(data: Uint8Array): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return false;
  return true;
}

/** Returns the luma of each pixel, transparent ones over white. */
function toGrey({ width, height, data }: RasterImage): ChannelImage {
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
  return { width, height, channels: 1, values };
}

/** Resizes the picture and centres it in the input. The rest is filled with the colour of its border. */
function fitInto(
  image: ChannelImage,
  { height, width, fit }: { height: number; width: number; fit: Fit },
  extent: Part,
): ModelInput {
  const [across, down] = [width / extent.width, height / extent.height];
  const scale = fit === 'contain' ? Math.min(across, down) : Math.max(across, down);
  const [scaleX, scaleY] = fit === 'stretch' ? [across, down] : [scale, scale];
  const resized = resizeByArea(
    image,
    Math.max(1, Math.round(extent.width * scaleX)),
    Math.max(1, Math.round(extent.height * scaleY)),
    extent,
  );
  const left = (width - resized.width) >> 1;
  const top = (height - resized.height) >> 1;
  const { channels } = image;
  const pixels = new Uint8Array(width * height * channels);
  if (resized.width < width || resized.height < height) {
    const colour = borderColour(resized).map(Math.round);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colour[i % channels] as number;
  }
  const [from, to] = [Math.max(0, left), Math.min(width, left + resized.width)];
  for (let y = Math.max(0, top); y < Math.min(height, top + resized.height); y++) {
    const start = ((y - top) * resized.width + from - left) * channels;
    const target = (y * width + from) * channels;
    // Rounds to the nearest. map(Math.round) took longer than the rest of a photo's way to the network.
    for (let i = 0; i < (to - from) * channels; i++) {
      pixels[target + i] = (resized.values[start + i] as number) + 0.5;
    }
  }
  const visible = {
    width: Math.min(width, resized.width),
    height: Math.min(height, resized.height),
  };
  const unit = { x: extent.width / resized.width, y: extent.height / resized.height };
  const crop = {
    x: extent.x + Math.max(0, -left) * unit.x,
    y: extent.y + Math.max(0, -top) * unit.y,
    width: visible.width * unit.x,
    height: visible.height * unit.y,
  };
  return { pixels, crop };
}

/** The part of the pixels that the picture covers. */
const extentOf = ({ width, height, reduced }: RasterImage): Part =>
  reduced?.extent ?? { x: 0, y: 0, width, height };

/** Converts a part of a picture that was reduced while it was decoded to whole pixels of the original. */
function inOriginal(crop: Crop, image: RasterImage): Crop {
  const extent = extentOf(image);
  const { width, height } = image.reduced?.original ?? image;
  const [across, down] = [width / extent.width, height / extent.height];
  const edges = (start: number, length: number, scale: number, limit: number) => {
    const from = Math.max(0, Math.min(limit - 1, Math.round(start * scale)));
    const to = Math.min(limit, Math.round((start + length) * scale));
    return [from, Math.max(1, to - from)] as const;
  };
  const [x, visibleWidth] = edges(crop.x - extent.x, crop.width, across, width);
  const [y, visibleHeight] = edges(crop.y - extent.y, crop.height, down, height);
  return { x, y, width: visibleWidth, height: visibleHeight };
}

/** A picture all of whose values are read. */
type Values = Omit<ChannelImage, 'step'>;

/** Returns the median of the outermost pixels, per channel: the background, even if the object touches a part of the border. */
export function borderColour({ width, height, channels, values }: Values): number[] {
  return Array.from({ length: channels }, (_, channel) => {
    const border = new Float32Array(2 * width + 2 * Math.max(0, height - 2));
    let count = 0;
    for (let y = 0; y < height; y++) {
      const step = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1);
      for (let x = 0; x < width; x += step) {
        border[count++] = values[channels * (y * width + x) + channel] as number;
      }
    }
    return border.subarray(0, count).sort()[count >> 1] as number;
  });
}

export interface ReadImageOptions extends Omit<DecodeOptions, 'minSide'>, ModelInputOptions {}

/** Pixels that a picture keeps while it is decoded, per pixel of the network's input: averaging them again then loses nothing. */
const oversampling = 16;
/** The pixels that an input of 28x28 needs; enough for one of 224x224. */
const maxMinSide = 448;

/** Returns the pixels that a picture's longer side keeps while it is decoded. Isolating a garment looks at fewer pixels. */
export function minSideFor({ height, width, background }: ModelInputOptions): number {
  if (background?.kind === 'isolate') return 2 * searchSide;
  const side = Math.max(height, width);
  return Math.max(2 * side, Math.min(oversampling * side, maxMinSide));
}

/**
 * Converts an image file to the network's input: PNG, JPEG, WebP, GIF or BMP of any size up to the format's limit.
 *
 * @param bytes the file as it is
 * @throws {ImageError} if the bytes are not such an image, corrupt or too large
 */
export async function readImage(bytes: Uint8Array, options: ReadImageOptions): Promise<ModelInput> {
  const image = await decodeImage(bytes, { ...options, minSide: minSideFor(options) });
  const input = await toModelInput(image, options);
  freeArray(image.data);
  return input;
}
