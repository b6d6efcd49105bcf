/**
 * Why bytes are no image that can be used.
 *
 * - `bad_image`: of a known format, but damaged or cut off
 * - `unsupported_image`: of another format, or a variant that is not read
 * - `image_too_large`: more pixels than are allowed
 */
export type ImageErrorCode = 'bad_image' | 'unsupported_image' | 'image_too_large';

/** What the image functions throw on bytes that are at fault; anything else they throw is a bug. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A decoded picture: `data` holds red, green, blue and alpha, a byte each, row by row. */
export interface RasterImage {
  width: number;
  height: number;
  data: Uint8Array;
}
