import type { RasterImage } from '../../shared/image/image.ts';
import { enlarge } from '../../shared/image/resize.ts';

/** How much darker than white the background is: red, green and blue. */
export type Tint = readonly [red: number, green: number, blue: number];

/**
 * Puts a garment of 28x28 pixels, dark as in a photo, on a light background of 400x300 pixels that darkens to one side.
 *
 * @param garment light on black
 */
export function photoOf(garment: Uint8Array, left: number, top: number, tint: Tint): RasterImage {
  const [width, height] = [400, 300];
  const data = new Uint8Array(4 * width * height);
  const { pixels } = enlarge({ pixels: garment, width: 28, height: 28 }, 5);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const [column, row] = [x - left, y - top];
    const isInside = column >= 0 && row >= 0 && column < 140 && row < 140;
    const level = isInside ? (pixels[row * 140 + column] as number) : 0;
    const light = 235 - 40 * (x / width);
    for (let channel = 0; channel < 3; channel++) {
      const background = light - (tint[channel] as number);
      data[4 * i + channel] = level > 8 ? 255 - level : background;
    }
    data[4 * i + 3] = 255;
  }
  return { width, height, data };
}
