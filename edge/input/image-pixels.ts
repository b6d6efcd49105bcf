import { decodingCost, imageFormat } from '../../shared/image/decode-image.ts';
import { ImageError } from '../../shared/image/image.ts';
import { type ModelInputOptions, readImage } from '../../shared/image/model-input.ts';
import { Problem, toProblem } from '../errors.ts';
import { imageDecoders } from './image-decoders.ts';
import { base64Bytes, jsonPixels } from './json-pixels.ts';
import type { PostedImage } from './posted-images.ts';

/** What decoding the images of one call may cost: one JPEG of 50 megapixels, or a PNG of 16. */
const maxCostOfCall = 50_000_000;

/** What of an image is known before its pixels are: its bytes, or its numbers. */
type Content = { bytes: Uint8Array; mayBeRaw: boolean } | { value: unknown };

/**
 * Makes the network's pixels of what was posted, one image after the other, for each holds much memory while it is decoded. Raw bytes
 * and JSON numbers are the network's pixels already: they are inverted only where that's asked for.
 *
 * @returns for each image height x width values, 0 black to 255 white, row by row, or why there are none
 * @throws {Problem} `image_too_large` where they have too many pixels together
 */
export async function imagePixels(
  images: PostedImage[],
  options: ModelInputOptions,
): Promise<(ArrayLike<number> | Problem)[]> {
  const contents = images.map((image) => orProblem(() => contentOf(image)));
  await checkCostOfCall(contents);
  const results: (ArrayLike<number> | Problem)[] = [];
  for (const content of contents) {
    try {
      results.push(content instanceof Problem ? content : await pixelsOf(content, options));
    } catch (error) {
      results.push(faultOf(error));
    }
  }
  return results;
}

function contentOf(image: PostedImage): Content {
  if (image.kind === 'pixels') return { value: image.value };
  if (image.kind === 'text') return { bytes: base64Bytes(image.text), mayBeRaw: true };
  const { bytes, contentType } = image;
  return { bytes, mayBeRaw: contentType === '' || contentType === 'application/octet-stream' };
}

/** Images that can't be read, or are too large by themselves, are reported in their places. */
async function checkCostOfCall(contents: (Content | Problem)[]): Promise<void> {
  if (contents.length === 1) return;
  let total = 0;
  for (const content of contents) {
    if (content instanceof Problem || !('bytes' in content)) continue;
    const cost = await decodingCost(content.bytes).catch(() => 0);
    if (cost <= maxCostOfCall) total += cost;
  }
  if (total > maxCostOfCall) {
    throw new Problem(
      'image_too_large',
      'The images are too large for one call: together they may have 50 megapixels as JPEG, or 16 in other formats.',
    );
  }
}

async function pixelsOf(content: Content, options: ModelInputOptions): Promise<ArrayLike<number>> {
  const { height, width, invert } = options;
  if ('value' in content) return inverted(jsonPixels(content.value, height, width), invert);
  const { bytes, mayBeRaw } = content;
  if (mayBeRaw && imageFormat(bytes) === null) {
    if (bytes.byteLength !== height * width) {
      throw new Problem(
        'bad_pixels',
        `${bytes.byteLength} raw bytes; an image has ${height * width}, a byte a pixel. Neither is this a PNG, JPEG, WebP, GIF or BMP.`,
      );
    }
    return inverted(bytes, invert);
  }
  return readImage(bytes, { ...options, ...imageDecoders });
}

const inverted = (pixels: ArrayLike<number>, invert: ModelInputOptions['invert']) =>
  invert === 'true' ? Array.from(pixels, (pixel) => 255 - pixel) : pixels;

function orProblem<Result>(read: () => Result): Result | Problem {
  try {
    return read();
  } catch (error) {
    return faultOf(error);
  }
}

/** The image's own fault as a problem; anything else is thrown on. */
function faultOf(error: unknown): Problem {
  if (error instanceof Problem || error instanceof ImageError) return toProblem(error);
  throw error;
}
