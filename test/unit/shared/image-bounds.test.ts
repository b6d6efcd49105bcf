import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../shared/image/decode-image.ts';
import { maxDecodingTime } from '../../../shared/image/image.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import * as jpeg from '../../support/hostile/jpeg.ts';
import { plainPng } from '../../support/hostile/png.ts';

const decode = (bytes: Uint8Array) => decodeImage(bytes, { ...imageDecoders, minSide: 448 });
const refusalOf = (bytes: Uint8Array) => decode(bytes).catch((error) => error);

describe('the cost of an image', () => {
  const tooLong = {
    code: 'image_too_large',
    message: 'The image would take too long to decode: it has too many pixels or scans.',
  };

  it('bounds a JPEG by the blocks that its scans visit, and by its bytes', async () => {
    const picture = jpeg.emptyScans(3200, 40);
    expect(await decode(picture)).toMatchObject({ width: 800, height: 800 });
    expect(await refusalOf(jpeg.emptyScans(3200, 60))).toMatchObject(tooLong);
    const dense = Buffer.concat([picture, Buffer.alloc(12_000_000)]);
    expect(await refusalOf(dense)).toMatchObject(tooLong);
  });

  it('bounds all images that share a time', async () => {
    const time = { left: maxDecodingTime };
    const next = (bytes: Uint8Array) =>
      decodeImage(bytes, { ...imageDecoders, minSide: 448, time }).catch((error) => error);
    const png = plainPng({ width: 2000, height: 2000, colorType: 0 });
    expect(await next(jpeg.emptyScans(3200, 30))).toMatchObject({ width: 800, height: 800 });
    expect(await next(png)).toMatchObject({ width: 500, height: 500 });
    expect(await next(jpeg.emptyScans(3200, 30))).toMatchObject(tooLong);
    expect(await next(png)).toMatchObject(tooLong);
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
