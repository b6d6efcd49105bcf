/// <reference path="./jpeg-js-decoder.d.ts" />
import decode from 'jpeg-js/lib/decoder.js';
import { ImageError } from './image-error.ts';
import { readJpegHeader } from './jpeg-header.ts';
import type { RasterImage } from './raster-image.ts';

/**
 * What jpeg-js may hold at once, of the 128 MB that a Worker has. Four megapixels with halved chroma,
 * as cameras write them, take about 55; with full chroma about 85, so of those a little less is read.
 */
const decoderMegabytes = 80;

/**
 * Decodes a baseline or progressive JPEG, grey, YCbCr, RGB, CMYK or YCCK, as it lies in the file.
 *
 * @param bytes a file whose size has been found acceptable
 * @throws {ImageError} where the file is cut off or damaged, or takes too much memory to decode
 */
export function decodeJpeg(bytes: Uint8Array): RasterImage {
  const { components, adobeTransform } = readJpegHeader(bytes);
  if (components === 4 && adobeTransform === null) {
    throw new ImageError(
      'unsupported_image',
      "The JPEG has four colour components and no Adobe marker that says which: CMYK is read as Adobe's programs write it.",
    );
  }
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      tolerantDecoding: false,
      maxMemoryUsageInMB: decoderMegabytes,
      // jpeg-js takes Adobe's 0, colours as they are, for no marker.
      ...(adobeTransform === 0 ? { colorTransform: false } : {}),
    });
    return { width, height, data };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (reason.includes('limit exceeded')) {
      throw new ImageError('image_too_large', `The JPEG takes too much memory: ${reason}.`, {
        cause,
      });
    }
    throw new ImageError('bad_image', `The JPEG can't be decoded: ${reason}.`, { cause });
  }
}
