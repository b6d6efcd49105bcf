import { describe, expect, it } from 'vitest';
import { imageDecoders } from '../../../edge/input/image-decoders.ts';
import type { RasterImage } from '../../../shared/image/image.ts';
import { type ModelInputOptions, toModelInput } from '../../../shared/image/model-input.ts';
import { testImage } from '../../support/edge/bucket.ts';

const size = { height: 28, width: 28 };

const pixelsOf = async (image: RasterImage, options: ModelInputOptions) =>
  (await toModelInput(image, { ...options, ...imageDecoders })).pixels;

/** Returns an image whose pixels a function computes: grey, or red, green, blue and alpha. */
function draw(
  width: number,
  height: number,
  pixel: (x: number, y: number) => number | number[],
): RasterImage {
  const data = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = pixel(x, y);
      const rgba = typeof value === 'number' ? [value, value, value, 255] : value;
      data.set(rgba, 4 * (y * width + x));
    }
  }
  return { width, height, data };
}

const pixelAt = (pixels: Uint8Array, x: number, y: number) => pixels[28 * y + x];

describe('toModelInput in colour', () => {
  const colour = { height: 4, width: 4, channels: 3, background: { kind: 'keep' } } as const;
  const paint = (x: number, y: number) => [60 * x, 60 * y, 7, 255];

  it('keeps each pixel of a picture of the right size', async () => {
    const picture = draw(4, 4, paint);
    expect(await pixelsOf(picture, colour)).toEqual(picture.data.filter((_, i) => i % 4 !== 3));
  });

  it('averages, and fills the rest with the colour of the border', async () => {
    const picture = draw(8, 4, (x) => [x < 4 ? 200 : 100, 40, x % 2 ? 10 : 30, 255]);
    const pixels = await pixelsOf(picture, colour);
    expect([...pixels.subarray(12, 24)]).toEqual([
      200, 40, 20, 200, 40, 20, 100, 40, 20, 100, 40, 20,
    ]);
    expect([...pixels.subarray(0, 3)]).toEqual([...pixels.subarray(45, 48)]);
    expect([100, 200]).toContain(pixels[0]);
    expect([...pixels.subarray(1, 3)]).toEqual([40, 20]);
  });

  it('lays transparent pixels on white, and inverts all channels', async () => {
    const picture = draw(4, 4, () => [255, 0, 0, 51]);
    expect([...(await pixelsOf(picture, colour)).subarray(0, 3)]).toEqual([255, 204, 204]);
    const inverted = await pixelsOf(picture, { ...colour, invert: 'true' });
    expect([...inverted.subarray(0, 3)]).toEqual([0, 51, 51]);
    const background = { kind: 'invert' } as const;
    expect(await pixelsOf(picture, { ...colour, background })).toEqual(inverted);
  });
});

describe('toModelInput', () => {
  it('does not change the 100 test images', async () => {
    for (let index = 0; index < 100; index++) {
      const pixels = testImage(index);
      const image = draw(28, 28, (x, y) => pixels[28 * y + x] ?? 0);
      expect(await pixelsOf(image, size)).toEqual(pixels);
    }
  });

  it('inverts grey images of the right size only if their border is light', async () => {
    const dark = draw(28, 28, (x, y) => (x % 27 === 0 || y % 27 === 0 ? 40 : (28 * y + x) % 256));
    const expected = dark.data.filter((_, i) => i % 4 === 0);
    expect(await pixelsOf(dark, size)).toEqual(expected);
    const white = draw(28, 28, () => 255);
    expect(await pixelsOf(white, size)).toEqual(new Uint8Array(784));
    expect(await pixelsOf(white, { ...size, invert: 'false' })).toEqual(
      new Uint8Array(784).fill(255),
    );
  });

  it('weights colours by Rec. 601', async () => {
    const options = { ...size, invert: 'false' as const };
    const image = (rgba: number[]) => draw(28, 28, () => rgba);
    const only = async (rgba: number[]) => (await pixelsOf(image(rgba), options))[0];
    expect(await only([255, 0, 0, 255])).toBe(76);
    expect(await only([0, 255, 0, 255])).toBe(150);
    expect(await only([0, 0, 255, 255])).toBe(29);
  });

  it('composes transparency over white', async () => {
    const options = { ...size, invert: 'false' as const };
    const image = (rgba: number[]) => draw(28, 28, () => rgba);
    const only = async (rgba: number[]) => (await pixelsOf(image(rgba), options))[0];
    expect(await only([0, 0, 0, 0])).toBe(255);
    expect(await only([0, 0, 0, 127])).toBe(128);
    expect(await only([200, 200, 200, 255])).toBe(200);
  });

  it('averages by area', async () => {
    const image = draw(56, 56, (x, y) => (x % 2 === 0 && y % 2 === 0 ? 200 : 100));
    expect(await pixelsOf(image, size)).toEqual(new Uint8Array(784).fill(125));
    // 42 pixels to 28: each new one covers one and a half.
    const stripes = draw(42, 42, (x) => [0, 90, 30][x % 3] ?? 0);
    const pixels = await pixelsOf(stripes, size);
    expect([pixels[0], pixels[1]]).toEqual([30, 50]);
  });

  it('keeps proportions, centred on the background', async () => {
    const image = draw(40, 80, (x, y) => (x < 3 || x > 36 || y < 3 || y > 76 ? 10 : 100));
    const pixels = await pixelsOf(image, size);
    expect(pixelAt(pixels, 0, 14)).toBe(10);
    expect(pixelAt(pixels, 27, 14)).toBe(10);
    expect(pixelAt(pixels, 14, 14)).toBe(100);
    expect(pixelAt(pixels, 9, 14)).toBe(100);
    expect(pixelAt(pixels, 6, 14)).toBe(10);
  });

  it('inverts a light background automatically, and on request', async () => {
    const onWhite = draw(60, 60, (x, y) => (x > 20 && x < 40 && y > 20 && y < 40 ? 30 : 250));
    const center = async (invert: 'auto' | 'true' | 'false') =>
      pixelAt(await pixelsOf(onWhite, { ...size, invert }), 14, 14);
    expect([await center('auto'), await center('true'), await center('false')]).toEqual([
      225, 225, 30,
    ]);
    const onBlack = draw(60, 60, (x, y) => (x > 20 && x < 40 && y > 20 && y < 40 ? 230 : 5));
    expect(pixelAt(await pixelsOf(onBlack, size), 14, 14)).toBe(230);
    expect(pixelAt(await pixelsOf(onBlack, { ...size, invert: 'true' }), 14, 14)).toBe(25);
  });

  it('detects a light background that a garment touches', async () => {
    const image = draw(100, 100, (x) => (x > 30 && x < 70 ? 20 : 255));
    expect(pixelAt(await pixelsOf(image, size), 1, 1)).toBe(0);
  });

  it('accepts any size', async () => {
    for (const [width, height] of [
      [1, 1],
      [1, 300],
      [300, 1],
      [10, 10],
      [29, 28],
      [1000, 37],
    ] as const) {
      const pixels = await pixelsOf(
        draw(width, height, () => 60),
        size,
      );
      expect(pixels).toEqual(new Uint8Array(784).fill(60));
    }
  });
});
