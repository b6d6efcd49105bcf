/** Looks at some images of a folder before all are converted, to choose the network's input. */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { readRegularFile } from '../../node/files.ts';
import { decodeImage } from '../../shared/image/decode-image.ts';
import type { RasterImage } from '../../shared/image/image.ts';
import {
  type Colour,
  type ImageSample,
  InvalidDatasetError,
  type PictureDefaults,
  type PictureOptions,
  type Size,
} from './dataset.ts';
import { cacheFolderFor, writeToCache } from './image-cache.ts';
import { imageDecoders } from './image-decoders.ts';
import { stateOf } from './image-index.ts';
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

const sizeSchema = z.object({ width: z.number(), height: z.number() });
const sampleSchema: z.ZodType<ImageSample> = z.object({
  isColourful: z.boolean(),
  sizes: z.object({ smallest: sizeSchema, median: sizeSchema, largest: sizeSchema }).nullable(),
});

/**
 * Returns the sizes and colours of a sample of images. The cache has them if the files of the sample have not changed: decoding large
 * photos again would take most of the time of a command that reads everything else from the cache.
 *
 * @param paths all image files, in any order that does not change
 * @param cacheDir the folder of all data sets
 */
export async function sampleImages(
  paths: readonly string[],
  cacheDir: string,
  signal?: AbortSignal,
): Promise<ImageSample> {
  const count = Math.min(sampleSize, paths.length);
  const sampled = Array.from(
    { length: count },
    (_, i) => paths[Math.floor((i * paths.length) / count)] as string,
  );
  const states = sampled.map((path) => stateOf(path));
  const key = hash('sha256', JSON.stringify([sampled, states]));
  const settings = { sampleSize, side, minSpread, minPixels, minImages };
  const file = join(await cacheFolderFor(cacheDir, settings), `${key}.json`);
  // Missing or damaged: the images are examined again.
  const cached = await readFile(file, 'utf8')
    .then((content) => sampleSchema.parse(JSON.parse(content)))
    .catch(() => null);
  if (cached) return cached;
  const sample = await examine(sampled, signal);
  // If the cache can't be written, reading all images reports it.
  if (!states.includes(null)) await writeToCache(file, JSON.stringify(sample)).catch(() => {});
  return sample;
}

async function examine(paths: readonly string[], signal?: AbortSignal): Promise<ImageSample> {
  const sizes: Size[] = [];
  let colourful = 0;
  for (const path of paths) {
    signal?.throwIfAborted();
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
    const red = data[i] as number;
    const green = data[i + 1] as number;
    const blue = data[i + 2] as number;
    const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
    if ((spread * (data[i + 3] as number)) / 255 >= minSpread) pixels++;
  }
  return (4 * pixels) / data.length >= minPixels;
}

/**
 * Decides how the images of a folder become inputs. A folder that is named after a known data set is read as that is.
 *
 * @param defaults of the network (default: those of the tutorial's)
 * @throws {InvalidDatasetError} if images in colour shall be isolated
 */
export function inputFor(
  name: string,
  sample: ImageSample,
  options: PictureOptions,
  defaults: PictureDefaults = {},
) {
  const known = knownBackground(name);
  const { fit = defaults.fit ?? 'contain' } = options;
  const isColourful = sample.isColourful && !known && options.background?.kind !== 'isolate';
  const colour = options.colour ?? defaults.colour ?? (isColourful ? 'rgb' : 'grey');
  const side = options.size ?? defaults.size ?? defaultSide(colour, sample);
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
