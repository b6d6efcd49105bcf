import {
  type DecodeOptions,
  type ImageDecoder,
  ImageError,
  maxDecodingTime,
  type RasterImage,
  spend,
} from './image.ts';

/** An image format: an entry of `imageFormats`. */
export interface ImageFormat {
  /** The name in messages. */
  name: string;
  mediaType: `image/${string}`;
  /** Bytes at an offset; all must match. */
  signature: readonly [bytes: readonly number[], at: number][];
  /** width x height that are decoded within a Worker's 128 MB. */
  maxPixels: number;
  /** The time that a pixel takes. 0: the decoder itself counts what it does. */
  nanosecondsPerPixel: number;
  /** Loads the format's file when its first image is decoded. */
  load: () => Promise<ImageDecoder>;
}

/** Every format that images are read from. CONTRIBUTING.md shows how to add one. */
export const imageFormats: readonly ImageFormat[] = [
  {
    name: 'PNG',
    mediaType: 'image/png',
    signature: [[[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 0]],
    maxPixels: 16_000_000,
    nanosecondsPerPixel: 45,
    load: async () => (await import('./png.ts')).png,
  },
  {
    name: 'JPEG',
    mediaType: 'image/jpeg',
    signature: [[[0xff, 0xd8, 0xff], 0]],
    maxPixels: 50_000_000,
    nanosecondsPerPixel: 0,
    load: async () => (await import('./jpeg.ts')).jpeg,
  },
  {
    name: 'WebP',
    mediaType: 'image/webp',
    // RIFF, WEBP
    signature: [
      [[0x52, 0x49, 0x46, 0x46], 0],
      [[0x57, 0x45, 0x42, 0x50], 8],
    ],
    // libwebp holds the whole picture, and a copy of it. Full HD is just below.
    maxPixels: 2_100_000,
    nanosecondsPerPixel: 75,
    load: async () => (await import('./webp.ts')).webp,
  },
  {
    name: 'GIF',
    mediaType: 'image/gif',
    signature: [[[0x47, 0x49, 0x46, 0x38], 0]],
    maxPixels: 16_000_000,
    nanosecondsPerPixel: 45,
    load: async () => (await import('./gif.ts')).gif,
  },
  {
    name: 'BMP',
    mediaType: 'image/bmp',
    signature: [[[0x42, 0x4d], 0]],
    maxPixels: 16_000_000,
    nanosecondsPerPixel: 45,
    load: async () => (await import('./bmp.ts')).bmp,
  },
];

/** Returns the names of the formats, such as `PNG, JPEG or BMP`. */
export function formatNames(conjunction: 'and' | 'or', formats = imageFormats): string {
  const names = formats.map(({ name }) => name);
  return `${names.slice(0, -1).join(', ')} ${conjunction} ${names.at(-1)}`;
}

/** Formats that are named when they are refused. */
const unsupportedFormats: readonly [name: string, signature: readonly number[], at: number][] = [
  ['HEIC', [0x66, 0x74, 0x79, 0x70, 0x68, 0x65], 4], // ftyphe: heic, heix, hevc
  ['HEIC', [0x66, 0x74, 0x79, 0x70, 0x6d, 0x69, 0x66, 0x31], 4], // ftypmif1
  ['AVIF', [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69], 4], // ftypavi: avif, avis
  ['TIFF', [0x49, 0x49, 0x2a, 0x00], 0],
  ['TIFF', [0x4d, 0x4d, 0x00, 0x2a], 0],
  ['JPEG XL', [0xff, 0x0a], 0],
  ['JPEG XL', [0x00, 0x00, 0x00, 0x0c, 0x4a, 0x58, 0x4c, 0x20], 0],
  ['JPEG 2000', [0x00, 0x00, 0x00, 0x0c, 0x6a, 0x50, 0x20, 0x20], 0],
  ["Apple's CgBI variant of PNG", [0x43, 0x67, 0x42, 0x49], 12],
  ['SVG', [0x3c, 0x73, 0x76, 0x67], 0], // <svg
  ['a NumPy array', [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], 0],
  ['PDF', [0x25, 0x50, 0x44, 0x46], 0],
];

/**
 * Decodes an image, recognized by its signature, and applies its EXIF orientation. Only the first frame of an animation is read.
 * The size in the header is checked before anything is decoded.
 *
 * @throws {ImageError} if the bytes are corrupt, too large, or not of a supported format
 */
export async function decodeImage(
  bytes: Uint8Array,
  options: DecodeOptions,
  formats = imageFormats,
): Promise<RasterImage> {
  const format = recognize(bytes, formats);
  const decoder = await format.load();
  const maxPixels = options.maxPixels ?? format.maxPixels;
  const time = options.time ?? { left: maxDecodingTime };
  spend(time, format.nanosecondsPerPixel * countPixels(decoder, bytes, maxPixels));
  return decoder.decode(bytes, { ...options, maxPixels, time });
}

function countPixels(decoder: ImageDecoder, bytes: Uint8Array, maxPixels: number): number {
  const { width, height } = decoder.readSize(bytes);
  const pixels = width * height;
  if (pixels <= maxPixels) return pixels;
  throw new ImageError(
    'image_too_large',
    `The image is ${width}x${height}, ${pixels / 1e6} megapixels; at most ${maxPixels / 1e6} are supported.`,
  );
}

function recognize(bytes: Uint8Array, formats = imageFormats): ImageFormat {
  const supported = `${formatNames('and', formats)} are supported`;
  const other = unsupportedFormats.find(([, signature, at]) => startsWith(bytes, signature, at));
  if (other) {
    throw new ImageError(
      'unsupported_image',
      `This is ${other[0]}. Convert it to JPEG or PNG: ${supported}.`,
    );
  }
  const format = formats.find((candidate) => matches(bytes, candidate));
  if (format) return format;
  throw new ImageError('unsupported_image', `This is not an image: ${supported}.`);
}

/** Returns the name of the format that the bytes start like, supported or not, such as `HEIC`, or `null`. */
export const formatOf = (bytes: Uint8Array): string | null =>
  unsupportedFormats.find(([, signature, at]) => startsWith(bytes, signature, at))?.[0] ??
  imageFormats.find((format) => matches(bytes, format))?.name ??
  null;

/** Reports whether the bytes start with a supported format's signature. File names and content types may be wrong. */
export const isImage = (bytes: Uint8Array): boolean =>
  imageFormats.some((format) => matches(bytes, format));

const matches = (bytes: Uint8Array, { signature }: ImageFormat) =>
  signature.every(([part, at]) => startsWith(bytes, part, at));

const startsWith = (bytes: Uint8Array, signature: readonly number[], at: number) =>
  signature.every((byte, i) => bytes[at + i] === byte);
