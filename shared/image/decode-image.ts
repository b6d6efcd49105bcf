import { readBmpHeader } from './bmp-header.ts';
import { decodePng } from './decode-png.ts';
import type { WebpModule } from './decode-webp.ts';
import { readGifFile } from './gif-file.ts';
import { ImageError } from './image-error.ts';
import { type ImageFormat, imageFormat, unreadFormat } from './image-format.ts';
import { readJpegHeader } from './jpeg-header.ts';
import { readPngHeader } from './png-chunks.ts';
import type { RasterImage } from './raster-image.ts';
import { turnUpright } from './turn-upright.ts';
import { readWebpFile } from './webp-file.ts';

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
      const { decodeJpeg } = await import('./decode-jpeg.ts');
      return turnUpright(decodeJpeg(bytes), readJpegHeader(bytes).orientation);
    },
  },
  webp: {
    readSize: readWebpFile,
    decode: async (bytes, { webpModule }) => {
      const { decodeWebp } = await import('./decode-webp.ts');
      const { still, orientation } = readWebpFile(bytes);
      return turnUpright(await decodeWebp(still, await webpModule()), orientation);
    },
  },
  gif: {
    readSize: readGifFile,
    decode: async (bytes) => (await import('./decode-gif.ts')).decodeGif(bytes),
  },
  bmp: {
    readSize: readBmpHeader,
    decode: async (bytes) => (await import('./decode-bmp.ts')).decodeBmp(bytes),
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
