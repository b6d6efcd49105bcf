import { describe, expect, it } from 'vitest';
import type { RasterImage } from '../../../shared/image/image.ts';
import { type ModelInputOptions, toModelInput } from '../../../shared/image/model-input.ts';
import { enlarge } from '../../../shared/image/resize.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';
import { photoOf, type Tint } from '../../support/photo.ts';

const { images } = await firstTestImages();
/** An ankle boot, light on black, as the data set has it. */
const boot = Uint8Array.from(images.subarray(0, 784));
const size = { height: 28, width: 28 };

const pixelsOf = async (image: RasterImage, options: ModelInputOptions) =>
  (await toModelInput(image, { ...options, ...imageDecoders })).pixels;
const photo = (left: number, top: number, tint: Tint) => photoOf(boot, left, top, tint);

const difference = (pixels: Uint8Array) =>
  pixels.reduce((sum, pixel, i) => sum + Math.abs(pixel - (boot[i] as number)), 0) / 784;

describe('isolating a garment', () => {
  it.each([
    ['in the middle', 130, 80, [0, 0, 0]],
    ['off the centre', 20, 140, [0, 0, 0]],
    ['on a coloured floor', 200, 30, [0, 25, 60]],
  ] as const)(
    'trims, centres and lays on black what is %s of a photo',
    async (_, left, top, tint) => {
      const image = photo(left, top, tint);
      const isolated = await pixelsOf(image, { ...size, background: { kind: 'isolate' } });
      expect([isolated[0], isolated[27], isolated[783]]).toEqual([0, 0, 0]);
      expect(difference(isolated)).toBeLessThan(25);
      expect(difference(await pixelsOf(image, size))).toBeGreaterThan(40);
    },
  );

  it('shifts the mean of the garment if the model asks for it, and nothing else', async () => {
    const image = photo(130, 80, [0, 25, 60]);
    const meanOf = (pixels: Uint8Array) => {
      const garment = pixels.filter((pixel) => pixel > 0);
      return garment.reduce((sum, pixel) => sum + pixel, 0) / garment.length;
    };
    const plain = await pixelsOf(image, { ...size, background: { kind: 'isolate' } });
    const shifted = await pixelsOf(image, { ...size, background: { kind: 'isolate', mean: 130 } });
    // Pixels that the garment covers in part, at its edge, stay darker.
    expect(meanOf(shifted)).toBeGreaterThan(120);
    expect(meanOf(shifted)).toBeLessThan(135);
    expect(Math.abs(meanOf(plain) - 130)).toBeGreaterThan(15);
    for (const [i, pixel] of plain.entries()) if (pixel === 0) expect(shifted[i]).toBe(0);
    // The middle row: the same differences, as long as nothing is clipped.
    const inside = [...plain.keys()].filter((i) => (plain[i] ?? 0) > 40 && (plain[i] ?? 0) < 180);
    const shifts = new Set(inside.map((i) => (shifted[i] ?? 0) - (plain[i] ?? 0)));
    expect(inside.length).toBeGreaterThan(50);
    expect(Math.max(...shifts) - Math.min(...shifts)).toBeLessThan(100);
  });

  it('leaves pictures that are light on black as they are, of any size', async () => {
    const { pixels, width, height } = enlarge({ pixels: boot, width: 28, height: 28 }, 10);
    const data = Uint8Array.from(pixels, () => 0);
    const large = { width, height, data: new Uint8Array(4 * data.length) };
    for (const [i, pixel] of pixels.entries()) large.data.set([pixel, pixel, pixel, 255], 4 * i);
    expect(await pixelsOf(large, { ...size, background: { kind: 'isolate' } })).toEqual(boot);
  });

  it('falls back to the whole picture if it is of one colour', async () => {
    const data = new Uint8Array(4 * 100 * 100).fill(200);
    for (let i = 3; i < data.length; i += 4) data[i] = 255;
    const image = { width: 100, height: 100, data };
    const isolated = await pixelsOf(image, { ...size, background: { kind: 'isolate' } });
    expect(isolated).toHaveLength(784);
  });

  it('does nothing if invert is true or false', async () => {
    const image = photo(130, 80, [0, 0, 0]);
    const plain = await pixelsOf(image, { ...size, invert: 'true' });
    expect(
      await pixelsOf(image, { ...size, invert: 'true', background: { kind: 'isolate' } }),
    ).toEqual(plain);
  });
});

describe('a picture of 28x28', () => {
  const asImage = (pixels: Uint8Array): RasterImage => {
    const data = new Uint8Array(4 * 784);
    for (const [i, pixel] of pixels.entries()) data.set([pixel, pixel, pixel, 255], 4 * i);
    return { width: 28, height: 28, data };
  };

  it('is inverted if its border is light, and otherwise stays the same to the last bit', async () => {
    expect(await pixelsOf(asImage(boot), size)).toEqual(boot);
    const darkOnWhite = boot.map((pixel) => 255 - pixel);
    expect(await pixelsOf(asImage(darkOnWhite), size)).toEqual(boot);
  });
});
