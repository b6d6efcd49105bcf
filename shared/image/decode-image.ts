import { decodeJpeg } from './decode-jpeg.ts';
import { decodePng } from './decode-png.ts';
import { ImageError } from './image-error.ts';
import { imageFormat } from './image-format.ts';
import { readJpegSize } from './jpeg-size.ts';
import { readPngHeader } from './png-chunks.ts';
import type { RasterImage } from './raster-image.ts';

/** 4 megapixels: an RGBA copy is 16 MB, of the 128 MB that a Worker has. */
export const maximumPixels = 4_000_000;

/**
 * Decodes a PNG or JPEG, told apart by their bytes. The size in the header is checked before
 * anything is decoded.
 *
 * @param options.maximumPixels width x height allowed; 4 megapixels unless told
 * @throws {ImageError} on anything that is no such image
 */
export function decodeImage(
  bytes: Uint8Array,
  options: { maximumPixels?: number } = {},
): RasterImage {
  const { width, height, decode } = recognize(bytes);
  const limit = options.maximumPixels ?? maximumPixels;
  if (width * height > limit) {
    throw new ImageError(
      'image_too_large',
      `The image is ${width}x${height}, ${(width * height) / 1e6} megapixels; at most ${limit / 1e6} are read.`,
    );
  }
  return decode(bytes);
}

function recognize(bytes: Uint8Array) {
  const format = imageFormat(bytes);
  switch (format) {
    case 'png':
      return { ...readPngHeader(bytes), decode: decodePng };
    case 'jpeg':
      return { ...readJpegSize(bytes), decode: decodeJpeg };
    case null:
      throw new ImageError('unsupported_image', 'These bytes are no PNG and no JPEG.');
    default:
      throw new ImageError(
        'unsupported_image',
        `This is a ${format.toUpperCase()} image; PNG and JPEG are read.`,
      );
  }
}
