import { decode } from 'jpeg-js';
import { ImageError } from './image-error.ts';
import type { RasterImage } from './raster-image.ts';

/**
 * What jpeg-js may hold at once, of the 128 MB that a Worker has. Four megapixels with halved chroma,
 * as cameras write them, take about 55; with full chroma about 85, so of those a little less is read.
 */
const decoderMegabytes = 80;

/**
 * Decodes a baseline or progressive JPEG as it lies in the file: its EXIF rotation is not applied.
 *
 * @param bytes a file whose size has been found acceptable
 * @throws {ImageError} where the file is cut off or damaged, or takes too much memory to decode
 */
export function decodeJpeg(bytes: Uint8Array): RasterImage {
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      tolerantDecoding: false,
      maxMemoryUsageInMB: decoderMegabytes,
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
