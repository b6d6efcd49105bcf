import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../shared/image/decode-image.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import * as jpeg from '../../support/hostile/jpeg.ts';
import { plainPng } from '../../support/hostile/png.ts';

const decode = (bytes: Uint8Array) => decodeImage(bytes, { ...imageDecoders, minSide: 448 });
const refusalOf = (bytes: Uint8Array) => decode(bytes).catch((error) => error);

/** A code of one bit that ends 16,384 blocks and 10,922 more, as often as fits. */
const endOfBandRuns = (blocks: number) =>
  Uint8Array.from(
    '001010101010101'
      .repeat(8 * Math.ceil(blocks / 27_306))
      .match(/.{8}/g)
      ?.map((bits) => Number.parseInt(bits, 2)) ?? [],
  );

describe('the cost of an image', () => {
  it('bounds the scans of a JPEG by the blocks that they visit', async () => {
    const [width, height] = [3200, 3200];
    const band = jpeg.scan({ components: [1], first: 1, final: 63 });
    const pictureOf = (scans: number) =>
      Buffer.concat([
        jpeg.startOfImage,
        jpeg.quantizers(),
        jpeg.huffman(0, 0, [0]),
        jpeg.huffman(1, 0, [0xe0]),
        jpeg.frame({ width, height, marker: 0xc2, components: 1 }),
        jpeg.scan({ components: [1], first: 0, final: 0 }),
        jpeg.zeroBits(400 * 400),
        ...Array(scans)
          .fill([band, endOfBandRuns(400 * 400)])
          .flat(),
        jpeg.endOfImage,
      ]);
    expect(await decode(pictureOf(40))).toMatchObject({ width: 800, height: 800 });
    expect(await refusalOf(pictureOf(60))).toMatchObject({
      code: 'image_too_large',
      message: 'The JPEG has too many scans for its size.',
    });
  });

  it('bounds the segments of a JPEG, before and between its scans', async () => {
    const whole = jpeg.plainJpeg({ width: 28, height: 28 });
    const withComments = (at: number, count: number) =>
      Buffer.concat([
        whole.subarray(0, at),
        ...Array(count).fill(jpeg.segment(0xfe, [])),
        whole.subarray(at),
      ]);
    const message = 'The JPEG has more than 10000 segments.';
    expect(await decode(withComments(2, 9000))).toMatchObject({ width: 28, height: 28 });
    expect(await refusalOf(withComments(2, 10_000))).toMatchObject({ message });
    expect(await refusalOf(withComments(whole.length - 2, 10_000))).toMatchObject({ message });
  });

  it('counts the bits of a PNG', async () => {
    expect(await refusalOf(plainPng({ width: 4000, height: 4000, depth: 16 }))).toMatchObject({
      code: 'image_too_large',
      message:
        'The PNG is 4000x4000 pixels of 64 bits; at most 4 megapixels of that kind are supported.',
    });
    const grey = { width: 4000, height: 4000, depth: 1, colorType: 0 };
    expect(await decode(plainPng(grey))).toMatchObject({ width: 500, height: 500 });
  });
});

it('decodes each WebP as if it were the first, at once and after a corrupt one', async () => {
  const path = join(import.meta.dirname, '../../fixtures/image-corpus/002-webp-lossless.webp');
  const bytes = await readFile(path);
  const first = await decode(bytes);
  expect(await Promise.all([1, 2, 3].map(() => decode(bytes)))).toEqual([first, first, first]);
  const corrupt = Uint8Array.from(bytes).fill(0xff, bytes.length >> 1);
  const atOnce = await Promise.all([refusalOf(corrupt), decode(bytes), refusalOf(corrupt)]);
  expect(atOnce[1]).toEqual(first);
  expect(await decode(bytes)).toEqual(first);
});
