import { describe, expect, it } from 'vitest';
import type { RasterImage } from '../../../shared/image/image.ts';
import { toModelInput } from '../../../shared/image/model-input.ts';
import { enlarge } from '../../../shared/image/resize.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';

const { images } = await firstTestImages();
/** An ankle boot, light on black, as the data set has it. */
const boot = Uint8Array.from(images.subarray(0, 784));
const size = { height: 28, width: 28 };

/** Lays the boot, dark as in a photo, on a light background that darkens to one side. */
function photo(left: number, top: number, tint: [number, number, number]): RasterImage {
  const [width, height] = [400, 300];
  const data = new Uint8Array(4 * width * height);
  const { pixels } = enlarge({ pixels: boot, width: 28, height: 28 }, 5);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const [column, row] = [x - left, y - top];
    const isInside = column >= 0 && row >= 0 && column < 140 && row < 140;
    const garment = isInside ? (pixels[row * 140 + column] as number) : 0;
    const light = 235 - 40 * (x / width);
    for (let channel = 0; channel < 3; channel++) {
      const background = light - (tint[channel] as number);
      data[4 * i + channel] = garment > 8 ? 255 - garment : background;
    }
    data[4 * i + 3] = 255;
  }
  return { width, height, data };
}

const difference = (pixels: Uint8Array) =>
  pixels.reduce((sum, pixel, i) => sum + Math.abs(pixel - (boot[i] as number)), 0) / 784;

describe('isolating a garment', () => {
  it.each([
    ['in the middle', 130, 80, [0, 0, 0]],
    ['off the centre', 20, 140, [0, 0, 0]],
    ['on a coloured floor', 200, 30, [0, 25, 60]],
  ] as const)('trims, centres and lays on black what is %s of a photo', (_, left, top, tint) => {
    const image = photo(left, top, [...tint]);
    const isolated = toModelInput(image, { ...size, background: 'isolate' });
    expect([isolated[0], isolated[27], isolated[783]]).toEqual([0, 0, 0]);
    expect(difference(isolated)).toBeLessThan(25);
    expect(difference(toModelInput(image, size))).toBeGreaterThan(40);
  });

  it('leaves pictures that are light on black as they are, of any size', () => {
    const { pixels, width, height } = enlarge({ pixels: boot, width: 28, height: 28 }, 10);
    const data = Uint8Array.from(pixels, () => 0);
    const large = { width, height, data: new Uint8Array(4 * data.length) };
    for (const [i, pixel] of pixels.entries()) large.data.set([pixel, pixel, pixel, 255], 4 * i);
    expect(toModelInput(large, { ...size, background: 'isolate' })).toEqual(boot);
  });

  it('falls back to the whole picture if it is of one colour', () => {
    const data = new Uint8Array(4 * 100 * 100).fill(200);
    for (let i = 3; i < data.length; i += 4) data[i] = 255;
    const image = { width: 100, height: 100, data };
    const isolated = toModelInput(image, { ...size, background: 'isolate' });
    expect(isolated).toHaveLength(784);
  });

  it('does nothing if the brightness is chosen by hand', () => {
    const image = photo(130, 80, [0, 0, 0]);
    const plain = toModelInput(image, { ...size, invert: 'true' });
    expect(toModelInput(image, { ...size, invert: 'true', background: 'isolate' })).toEqual(plain);
  });
});

describe('a picture of 28x28', () => {
  const asImage = (pixels: Uint8Array): RasterImage => {
    const data = new Uint8Array(4 * 784);
    for (const [i, pixel] of pixels.entries()) data.set([pixel, pixel, pixel, 255], 4 * i);
    return { width: 28, height: 28, data };
  };

  it('is inverted if its border is light, and otherwise stays the same to the last bit', () => {
    expect(toModelInput(asImage(boot), size)).toEqual(boot);
    const darkOnWhite = boot.map((pixel) => 255 - pixel);
    expect(toModelInput(asImage(darkOnWhite), size)).toEqual(boot);
  });
});
