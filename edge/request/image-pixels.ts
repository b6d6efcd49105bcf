import { decodeImage } from '../../shared/image/decode-image.ts';
import { imageFormat } from '../../shared/image/image-format.ts';
import { type Inversion, toModelInput } from '../../shared/image/to-model-input.ts';
import type { ModelSpec } from '../../shared/model-spec.ts';
import { Problem } from '../problem.ts';
import { jsonPixels } from './json-pixels.ts';
import type { PostedImage } from './posted-images.ts';

/**
 * Makes the network's pixels of what was posted. Raw bytes and JSON numbers are the network's
 * pixels already: they are inverted only where that's asked for.
 *
 * @returns height x width values, 0 black to 255 white, row by row
 * @throws {Problem | ImageError} on anything that is no image
 */
export function imagePixels(
  image: PostedImage,
  { inputShape: [height, width] }: ModelSpec,
  invert: Inversion,
): ArrayLike<number> {
  if (image.kind === 'pixels') return inverted(jsonPixels(image.value, height, width), invert);
  const { bytes, contentType } = image;
  const mayBeRaw = contentType === '' || contentType === 'application/octet-stream';
  if (mayBeRaw && imageFormat(bytes) === null) {
    if (bytes.byteLength !== height * width) {
      throw new Problem(
        'bad_pixels',
        `${bytes.byteLength} raw bytes; an image has ${height * width}, a byte a pixel. Neither is this a PNG or JPEG.`,
      );
    }
    return inverted(bytes, invert);
  }
  return toModelInput(decodeImage(bytes), { height, width, invert });
}

function inverted(pixels: ArrayLike<number>, invert: Inversion): ArrayLike<number> {
  return invert === 'true' ? Array.from(pixels, (pixel) => 255 - pixel) : pixels;
}
