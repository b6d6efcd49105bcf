import { encode } from 'fast-png';

/**
 * @param pixels height x width values 0..255, row by row
 * @returns the image that the network saw, as a PNG's data URL
 */
export function inputImage(pixels: ArrayLike<number>, height: number, width: number): string {
  const data = Uint8Array.from(pixels, Math.round);
  const png = encode({ width, height, data, channels: 1, depth: 8 });
  return `data:image/png;base64,${btoa(String.fromCharCode(...png))}`;
}
