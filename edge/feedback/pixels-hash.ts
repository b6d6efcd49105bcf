import { sha256 } from '../sha256.ts';

/** The bytes that stand for what the network saw, so that the same image is known again. */
export const pixelBytes = (pixels: ArrayLike<number>) => Uint8Array.from(pixels, Math.round);

/** @returns the second half of a prediction's id: 64 hex digits */
export const pixelsHash = (pixels: ArrayLike<number>) => sha256(pixelBytes(pixels));
