import { encode } from 'fast-png';
import { enlarge, type GreyPixels } from '../image/enlarge.ts';
import { base64 } from './base64.ts';

/** @returns an image, each pixel a square of `scale` pixels, as a PNG */
export function greyPng(image: GreyPixels, scale = 1): Uint8Array {
  const { pixels, width, height } = enlarge(image, scale);
  return encode({ width, height, data: pixels, channels: 1, depth: 8 });
}

/** @returns an image as a PNG in a `data:` URL */
export const greyPngUrl = (image: GreyPixels): string =>
  `data:image/png;base64,${base64(greyPng(image))}`;
