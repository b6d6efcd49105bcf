import { formatNames, formatOf, isImage } from '../../shared/image/decode-image.ts';
import {
  type DecodingTime,
  DecodingTimeError,
  freeArray,
  ImageError,
  maxDecodingTime,
  spend,
} from '../../shared/image/image.ts';
import { type ModelInputOptions, readImage } from '../../shared/image/model-input.ts';
import type { Crop } from '../../shared/model/prediction.ts';
import { Problem, toProblem } from '../errors.ts';
import { imageDecoders } from './image-decoders.ts';
import { jsonPixels } from './json-pixels.ts';
import type { PostedImage } from './posted-images.ts';
import { base64Bytes } from './text.ts';

/** The time that an image takes in addition to its decoding. */
const nanosecondsPerImage = 1e6;
const nanosecondsToIsolate = 4e6;

/** The network's input from a posted image. */
export interface PostedInput {
  /** height x width x channels values, 0 to 255, row by row. */
  pixels: ArrayLike<number>;
  /** The part of the picture that they show. Missing if the client sent pixels. */
  crop?: Crop;
}

/** The network's preprocessing, and the time that remains for decoding the images of the request. */
type InputOptions = ModelInputOptions & { time: DecodingTime };

/** An image before it is decoded: its file or raw bytes, or its JSON numbers. */
type Content = { bytes: Uint8Array; mayBeRaw: boolean } | { value: unknown };

/**
 * Converts posted images to the network's input, one after the other, because each takes much memory while it is decoded. Raw bytes and
 * JSON numbers are the network's input already: they are inverted only if `invert` is `true`. An image that would take too long
 * after those before it has a problem in its place.
 *
 * @returns per image what the network sees of it, or the reason why there is nothing
 */
export async function imagePixels(
  images: readonly PostedImage[],
  options: ModelInputOptions,
): Promise<(PostedInput | Problem)[]> {
  const time: DecodingTime = { left: maxDecodingTime };
  async function convert(image: PostedImage): Promise<PostedInput | Problem> {
    const isFirst = time.left === maxDecodingTime;
    try {
      const content = contentOf(image, options);
      const input = await inputOf(content, { ...options, time });
      // The bytes of a text are of no further use, unless they are the pixels.
      if (image.kind === 'text' && 'bytes' in content && content.bytes !== input.pixels) {
        freeArray(content.bytes);
      }
      return input;
    } catch (error) {
      const isTogether = error instanceof DecodingTimeError && !isFirst;
      return isTogether ? tooLargeTogether() : faultOf(error);
    }
  }

  const results: (PostedInput | Problem)[] = [];
  for (const image of images) results.push(await convert(image));
  return results;
}

const tooLargeTogether = () =>
  new Problem(
    'image_too_large',
    'The images of this request would take too long to decode together. Send this one in a request of its own.',
  );

function contentOf(image: PostedImage, options: ModelInputOptions): Content {
  if (image.kind === 'pixels') {
    const { value } = image;
    const isFile =
      Array.isArray(value) && value.length !== lengthOf(options) && isListOfFile(value);
    return isFile ? { bytes: Uint8Array.from(value), mayBeRaw: false } : { value };
  }
  if (image.kind === 'text') return { bytes: base64Bytes(image.text), mayBeRaw: true };
  const { bytes, contentType } = image;
  return { bytes, mayBeRaw: contentType === '' || contentType === 'application/octet-stream' };
}

/** Whether an array is the bytes of an image file, as some programs write them in JSON; Java's are signed. */
function isListOfFile(value: unknown[]): value is number[] {
  return (
    formatOf(Uint8Array.from(value.slice(0, 32) as number[])) !== null &&
    value.every((byte) => Number.isInteger(byte) && -128 <= Number(byte) && Number(byte) < 256)
  );
}

/** Values of the network's input. */
const lengthOf = ({ height, width, channels = 1 }: ModelInputOptions) => height * width * channels;

async function inputOf(content: Content, options: InputOptions): Promise<PostedInput> {
  const { invert, background, time } = options;
  const length = lengthOf(options);
  if ('value' in content) {
    return { pixels: inverted(jsonPixels(content.value, options), invert) };
  }
  const { bytes, mayBeRaw } = content;
  if (bytes.byteLength === 0) throw new Problem('bad_image', 'The file is empty.');
  if (mayBeRaw && !isImage(bytes)) {
    if (bytes.byteLength === length) return { pixels: inverted(bytes, invert) };
    // Raw pixels may start like an unsupported format, but then have their length.
    if (formatOf(bytes) === null) {
      throw new Problem(
        'bad_pixels',
        `${bytes.byteLength} raw bytes; an image has ${length}. The bytes are not a ${formatNames('or')} file either.`,
      );
    }
  }
  const isolates = background?.kind === 'isolate';
  spend(time, nanosecondsPerImage + (isolates ? nanosecondsToIsolate : 0));
  return readImage(bytes, { ...options, ...imageDecoders });
}

const inverted = (pixels: ArrayLike<number>, invert: ModelInputOptions['invert']) =>
  invert === 'true' ? Array.from(pixels, (pixel) => 255 - pixel) : pixels;

/** Returns a fault of the image as a problem. Throws anything else. */
function faultOf(error: unknown): Problem {
  if (error instanceof Problem || error instanceof ImageError) return toProblem(error);
  throw error;
}
