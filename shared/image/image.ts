/**
 * The reasons why bytes can't be used as an image.
 *
 * - `bad_image`: of a known format, but cut off or corrupt
 * - `unsupported_image`: of another format, or an unsupported variant
 * - `image_too_large`: more pixels than are allowed
 */
export type ImageErrorCode = 'bad_image' | 'unsupported_image' | 'image_too_large';

/** Thrown by the image functions for invalid bytes. Any other error that they throw is a bug. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** How a picture was reduced while it was decoded. */
export interface Reduction {
  /** The picture's own size. */
  original: { width: number; height: number };
  /** The part that the picture covers, in pixels of the reduced one: fractions of the pixels at one edge are outside. */
  extent: { x: number; y: number; width: number; height: number };
}

/** A decoded picture: `data` holds red, green, blue and alpha, a byte each, row by row. */
export interface RasterImage {
  width: number;
  height: number;
  data: Uint8Array;
  /** If it was reduced while it was decoded. */
  reduced?: Reduction;
}

/**
 * Gives the memory of a large array back at once. Afterwards it is empty. A garbage collector may wait until an isolate has no memory left.
 */
export function freeArray({ buffer }: Uint8Array | Float32Array): void {
  // A SharedArrayBuffer has no owner, and old browsers can't transfer.
  if (buffer instanceof ArrayBuffer) buffer.transfer?.(0);
}

/** An instance of `shared/kernels/build/decoders.wasm` and its memory. */
export interface CompiledDecoder {
  exports: object;
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
}

/** Makes an instance with this number of pages of 64 KiB; shared/ may not use WebAssembly's API. */
export type OpenDecoder = (pages: number) => CompiledDecoder;

/** Makes an instance of libwebp's decoder with these imports (libwebp.ts). */
export type OpenWebp = (imports: Record<string, Record<string, unknown>>) => object;

/** The time that decoding may still take, in nanoseconds. It is an estimate, so that it does not depend on the machine. */
export interface DecodingTime {
  left: number;
}

/** For all images of a request: a PNG of 16 megapixels, or a JPEG of 50 megapixels and 20 MiB. */
export const maxDecodingTime = 750e6;

/** Too little time is left for an image. */
export class DecodingTimeError extends ImageError {
  constructor() {
    super(
      'image_too_large',
      'The image would take too long to decode: it has too many pixels or scans.',
    );
  }
}

/**
 * Subtracts the time of the next step.
 *
 * @throws {DecodingTimeError} if less is left; then nothing is subtracted, because the step must not be taken
 */
export function spend(time: DecodingTime, nanoseconds: number): void {
  if (nanoseconds > time.left) throw new DecodingTimeError();
  time.left -= nanoseconds;
}

export interface DecodeOptions {
  /** Loads libwebp's decoder. Only called for a WebP. */
  webpDecoder: () => Promise<OpenWebp>;
  /** Loads Catwalk's own decoder, which also isolates garments. Not called for a GIF, BMP or WebP that is not isolated. */
  compiledDecoder: () => Promise<OpenDecoder>;
  /** Pixels that the longer side keeps if the picture is reduced while it is decoded (default: it is not reduced). */
  minSide?: number | undefined;
  /** The limit of width x height (default: the format's own limit, which fits a Worker's memory). */
  maxPixels?: number | undefined;
  /** The time that decoding may take. Its estimate is subtracted (default: `maxDecodingTime`). */
  time?: DecodingTime | undefined;
}

/** A decoder, which each format's file exports. Both functions throw an ImageError if the file is cut off or corrupt. */
export interface ImageDecoder {
  /** Reads the size from the header, without decoding. */
  readSize(bytes: Uint8Array): { width: number; height: number };
  /** Decodes the picture, or an animation's first frame, upright. */
  decode(bytes: Uint8Array, options: DecodeOptions): RasterImage | Promise<RasterImage>;
}
