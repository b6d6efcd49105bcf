import { type DecodeOptions, decodeImage } from './decode-image.ts';
import { type ModelInputOptions, toModelInput } from './to-model-input.ts';

export type ReadImageOptions = DecodeOptions & ModelInputOptions;

/**
 * Makes the network's input of an image file: PNG, JPEG, WebP, GIF or BMP, of any size up to 4 megapixels.
 *
 * @param bytes the file as it is
 * @returns height x width bytes, 0 black to 255 white, row by row
 * @throws {ImageError} on anything that is no such image, or too large
 */
export async function readImage(bytes: Uint8Array, options: ReadImageOptions): Promise<Uint8Array> {
  return toModelInput(await decodeImage(bytes, options), options);
}
