import { readBmpHeader } from './bmp.ts';
import { readGifFile } from './gif.ts';
import { ImageError, type RasterImage } from './image.ts';
import { readJpegHeader } from './jpeg.ts';
import { turnUpright } from './orientation.ts';
import { decodePng } from './png.ts';
import { readPngHeader } from './png-chunks.ts';
import { readWebpFile, type WebpModule } from './webp.ts';

/** 4 megapixels: an RGBA copy is 16 MB, of the 128 MB that a Worker has. */
export const maximumPixels = 4_000_000;

export interface DecodeOptions {
  /** Brings libwebp's decoder as this platform has it; asked only where a WebP comes. */
  webpModule: () => Promise<WebpModule>;
  /** width x height allowed; 4 megapixels unless told */
  maximumPixels?: number;
}

/** Decodes bytes that are known to be of a format, upright. */
type Decode = (bytes: Uint8Array, options: DecodeOptions) => Promise<RasterImage> | RasterImage;

interface Format {
  readSize: (bytes: Uint8Array) => { width: number; height: number };
  decode: Decode;
}

/** PNG, the format of the page and of /images, is at hand; the other decoders are evaluated when first needed. */
const formats: Record<ImageFormat, Format> = {
  png: { readSize: readPngHeader, decode: decodePng },
  jpeg: {
    readSize: readJpegHeader,
    decode: async (bytes) => {
      const { decodeJpeg } = await import('./jpeg.ts');
      return turnUpright(decodeJpeg(bytes), readJpegHeader(bytes).orientation);
    },
  },
  webp: {
    readSize: readWebpFile,
    decode: async (bytes, { webpModule }) => {
      const { decodeWebp } = await import('./webp.ts');
      const { still, orientation } = readWebpFile(bytes);
      return turnUpright(await decodeWebp(still, await webpModule()), orientation);
    },
  },
  gif: {
    readSize: readGifFile,
    decode: async (bytes) => (await import('./gif.ts')).decodeGif(bytes),
  },
  bmp: {
    readSize: readBmpHeader,
    decode: async (bytes) => (await import('./bmp.ts')).decodeBmp(bytes),
  },
};

/**
 * Decodes a PNG, JPEG, WebP, GIF or BMP, told apart by their bytes; of several frames the first. The size in the header is checked
 * before anything is decoded. EXIF's orientation is honoured.
 *
 * @throws {ImageError} on anything that is no such image
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<RasterImage> {
  const format = recognize(bytes);
  const { width, height } = format.readSize(bytes);
  const limit = options.maximumPixels ?? maximumPixels;
  if (width * height > limit) {
    throw new ImageError(
      'image_too_large',
      `The image is ${width}x${height}, ${(width * height) / 1e6} megapixels; at most ${limit / 1e6} are read.`,
    );
  }
  return format.decode(bytes, options);
}

/**
 * Reads from an image's header how many pixels it has, without decoding it.
 *
 * @throws {ImageError} on anything that is no such image
 */
export function countPixels(bytes: Uint8Array): number {
  const { width, height } = recognize(bytes).readSize(bytes);
  return width * height;
}

function recognize(bytes: Uint8Array): Format {
  const format = imageFormat(bytes);
  if (format !== null) return formats[format];
  const unread = unreadFormat(bytes);
  throw new ImageError(
    'unsupported_image',
    unread
      ? `This is ${unread}; PNG, JPEG, WebP, GIF and BMP are read.`
      : 'These bytes are no PNG, JPEG, WebP, GIF or BMP.',
  );
}

/** What the first bytes say a file is; `null` where they say nothing that is known. */
export type ImageFormat = 'png' | 'jpeg' | 'gif' | 'webp' | 'bmp';

/** Formats that are named where they are refused. */
const unreadFormats: [name: string, signature: number[], at: number][] = [
  ['HEIC', [0x66, 0x74, 0x79, 0x70, 0x68, 0x65], 4], // ftyphe: heic, heix, hevc
  ['HEIC', [0x66, 0x74, 0x79, 0x70, 0x6d, 0x69, 0x66, 0x31], 4], // ftypmif1
  ['AVIF', [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69], 4], // ftypavi: avif, avis
  ['TIFF', [0x49, 0x49, 0x2a, 0x00], 0],
  ['TIFF', [0x4d, 0x4d, 0x00, 0x2a], 0],
  ['JPEG XL', [0xff, 0x0a], 0],
  ['PDF', [0x25, 0x50, 0x44, 0x46], 0],
];

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const jpegSignature = [0xff, 0xd8, 0xff];
const gifSignature = [0x47, 0x49, 0x46, 0x38];
const riffSignature = [0x52, 0x49, 0x46, 0x46];
const webpSignature = [0x57, 0x45, 0x42, 0x50];
const bmpSignature = [0x42, 0x4d];

/** Tells an image's format by its signature alone: names and content types lie. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const holds = (signature: number[], at = 0) => startsWith(bytes, signature, at);
  if (holds(pngSignature)) return 'png';
  if (holds(jpegSignature)) return 'jpeg';
  if (holds(gifSignature)) return 'gif';
  if (holds(riffSignature) && holds(webpSignature, 8)) return 'webp';
  if (holds(bmpSignature)) return 'bmp';
  return null;
}

/** @returns the name of a format that is known but not read; `null` of all others */
export function unreadFormat(bytes: Uint8Array): string | null {
  const found = unreadFormats.find(([, signature, at]) => startsWith(bytes, signature, at));
  return found?.[0] ?? null;
}

const startsWith = (bytes: Uint8Array, signature: number[], at: number) =>
  signature.every((byte, i) => bytes[at + i] === byte);
