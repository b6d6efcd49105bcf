/** Looks at some images of a folder before all are converted, to choose the network's input. */
import { readRegularFile } from '../../node/files.ts';
import { decodeImage } from '../../shared/image/decode-image.ts';
import type { RasterImage } from '../../shared/image/image.ts';
import {
  type Colour,
  type ImageSample,
  InvalidDatasetError,
  type PictureOptions,
  type Size,
} from './dataset.ts';
import { imageDecoders } from './image-decoders.ts';
import { knownBackground } from './known-datasets.ts';
import { maxFileBytes, maxPixels } from './read-image-file.ts';

/** Images that are looked at, spread evenly over the folder: enough to tell, and a few seconds even for photos of 12 megapixels. */
const sampleSize = 64;
/** The longer side to which large pictures are reduced. */
const side = 64;

/** How far red, green and blue differ in a pixel that has a colour. Scans and grey JPEGs stay below. */
const minSpread = 24;
/** The share of pixels with a colour that makes an image colourful, and the share of such images that makes a data set so. */
const minPixels = 0.02;
const minImages = 0.1;

/** Smaller images are not enlarged to more than `smallSide`. */
const maxSmall = 48;
const greySide = 28;
const smallSide = 32;
const colourSide = 64;

/** @param paths all image files, in any order that does not change */
export async function sampleImages(
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<ImageSample> {
  const count = Math.min(sampleSize, paths.length);
  const sizes: Size[] = [];
  let colourful = 0;
  for (let i = 0; i < count; i++) {
    signal?.throwIfAborted();
    const path = paths[Math.floor((i * paths.length) / count)] as string;
    // Reading all files reports those that can't be read.
    const image = await readSmall(path).catch(() => null);
    if (image === null) continue;
    const { width, height } = image.reduced?.original ?? image;
    sizes.push({ width, height });
    if (hasColours(image)) colourful++;
  }
  sizes.sort((a, b) => Math.max(a.width, a.height) - Math.max(b.width, b.height));
  const at = (share: number) => sizes[Math.floor(share * (sizes.length - 1))] as Size;
  return {
    isColourful: sizes.length > 0 && colourful >= minImages * sizes.length,
    sizes: sizes.length > 0 ? { smallest: at(0), median: at(0.5), largest: at(1) } : null,
  };
}

const readSmall = async (path: string) =>
  decodeImage(await readRegularFile(path, maxFileBytes), {
    ...imageDecoders,
    minSide: side,
    maxPixels,
  });

function hasColours({ data }: RasterImage): boolean {
  let pixels = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = data.subarray(i, i + 4);
    const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
    if ((spread * alpha) / 255 >= minSpread) pixels++;
  }
  return (4 * pixels) / data.length >= minPixels;
}

/**
 * Decides how the images of a folder become inputs. A folder that is named after a known data set is read as that is.
 *
 * @throws {InvalidDatasetError} if images in colour shall be isolated
 */
export function inputFor(name: string, sample: ImageSample, options: PictureOptions) {
  const known = knownBackground(name);
  const { fit = 'contain' } = options;
  const isColourful = sample.isColourful && !known && options.background?.kind !== 'isolate';
  const colour = options.colour ?? (isColourful ? 'rgb' : 'grey');
  const side = options.size ?? defaultSide(colour, sample);
  const size = { height: side, width: side, fit };
  if (colour === 'grey') {
    return { ...size, channels: 1 as const, background: options.background ?? known };
  }
  const background = options.background ?? { kind: 'keep' as const };
  if (background.kind === 'isolate') {
    throw new InvalidDatasetError(
      '--background isolate makes grey images. Leave out --colour rgb, or use --background keep.',
    );
  }
  return { ...size, channels: 3 as const, background };
}

/** Returns the side of the input for images of this kind, in pixels. */
function defaultSide(colour: Colour, { sizes }: ImageSample): number {
  if (colour === 'grey') return greySide;
  const { width = 0, height = 0 } = sizes?.median ?? {};
  return Math.max(width, height) <= maxSmall ? smallSide : colourSide;
}
