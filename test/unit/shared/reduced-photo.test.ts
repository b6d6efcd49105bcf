import { encode } from 'jpeg-js';
import { expect, it } from 'vitest';
import { readImage, toModelInput } from '../../../shared/image/model-input.ts';
import { applyOrientation, type Orientation } from '../../../shared/image/orientation.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { withOrientation } from '../../support/exif.ts';

const options = { height: 28, width: 28, background: { kind: 'keep' }, ...imageDecoders } as const;

/** Stripes across both axes, so that a shift of a pixel shows. */
function draw(width: number, height: number) {
  const data = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) / width, Math.floor(i / width) / height];
    data.fill(128 + 60 * Math.sin(40 * x) + 60 * Math.cos(31 * y), 4 * i, 4 * i + 3);
  }
  return { width, height, data };
}

// Reduced to an eighth, the last column or row holds a fraction of eight pixels.
it.each<[number, number, Orientation]>([
  [3585, 401, 1],
  [3585, 401, 3],
  [3585, 401, 6],
  [401, 3590, 1],
  [2049, 1537, 7],
])(
  'a photo of %ix%i pixels, orientation %i, is reduced to what its pixels average',
  async (width, height, orientation) => {
    const picture = draw(width, height);
    const jpeg = new Uint8Array(encode(picture, 95).data);
    const { pixels, crop } = await readImage(withOrientation(jpeg, orientation), options);
    const upright = applyOrientation(picture, orientation);
    const expected = await toModelInput(upright, options);
    const differences = pixels.map((pixel, i) => Math.abs(pixel - (expected.pixels[i] as number)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(crop).toEqual({ x: 0, y: 0, width: upright.width, height: upright.height });
  },
);
