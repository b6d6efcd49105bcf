import createDecoder from '@jsquash/webp/codec/dec/webp_dec.js';
import { initEmscriptenModule } from '@jsquash/webp/utils.js';
import { ImageError } from './image-error.ts';
import type { RasterImage } from './raster-image.ts';

/** libwebp's decoder, compiled: `@jsquash/webp/codec/dec/webp_dec.wasm`. */
export type WebpModule = NonNullable<Parameters<typeof initEmscriptenModule>[1]>;

/**
 * Decodes a lossy or lossless WebP of one frame, with its transparency.
 *
 * Each picture gets an instance of the decoder to itself, which is dropped with its memory: what one file may do to
 * it can't reach the next file's pixels, and a large picture's memory isn't kept.
 *
 * @param still a file whose size has been found acceptable
 * @throws {ImageError} where the file is cut off or damaged
 */
export async function decodeWebp(still: Uint8Array, module: WebpModule): Promise<RasterImage> {
  try {
    const decoder = await initEmscriptenModule(createDecoder, module, quiet);
    const image = decoder.decode(still as Uint8Array<ArrayBuffer>);
    if (image) return { width: image.width, height: image.height, data: bytesOf(image.data) };
  } catch (cause) {
    throw new ImageError('bad_image', `The WebP can't be decoded: ${cause}.`, { cause });
  }
  throw new ImageError('bad_image', "The WebP is cut off or damaged: it can't be decoded.");
}

/** An Emscripten module prints where it fails; the error says it. */
const quiet = { print: () => {}, printErr: () => {} };

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
