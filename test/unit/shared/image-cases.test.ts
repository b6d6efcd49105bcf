import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../shared/image/decode-image.ts';
import { readImage } from '../../../shared/image/model-input.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';

const folder = join(import.meta.dirname, '../../fixtures/image-cases');
const file = async (name: string) => new Uint8Array(await readFile(join(folder, name)));

/** Test image 0, an ankle boot, which every file shows enlarged. */
const boot = (await firstTestImages()).images.subarray(0, 784);

/** The mean difference in grey levels between what the network gets of a file and the image itself. */
async function differenceFromBoot(name: string): Promise<number> {
  const { pixels } = await readImage(await file(name), { height: 28, width: 28, ...imageDecoders });
  return pixels.reduce((sum, pixel, i) => sum + Math.abs(pixel - (boot[i] as number)), 0) / 784;
}

const text = (characters: string) => Array.from(characters, (each) => each.charCodeAt(0));
/** A JPEG's start, with this frame header. */
const frame = (marker: number) => [0xff, 0xd8, 0xff, marker, 0, 11, 8, 0, 28, 0, 28, 1, 1, 0x11, 0];

describe('a file as cameras and programs write it', () => {
  it.each([
    'jpeg-rgb-component-ids-no-adobe-marker.jpg',
    'jpeg-grey-baseline-restart-4-blocks.jpg',
    'jpeg-70-ffda-after-eoi-as-in-a-motion-photo.jpg',
    'jpeg-missing-eoi.jpg',
    'jpeg-exif-orientation-type-long.jpg',
    'gif-logical-screen-0.gif',
    'png-wrong-crc-in-text-chunk.png',
    'png-no-iend.png',
    'bmp-offbits-zero.bmp',
    '28x28-grey-dark-on-white.png',
  ])('shows the boot: %s', async (name) => {
    expect(await differenceFromBoot(name)).toBeLessThan(10);
  });

  it('shows the first frame of an animated WebP on its canvas', async () => {
    const name = 'webp-animated-first-frame-smaller-than-canvas.webp';
    const { width, height, data } = await decodeImage(await file(name), imageDecoders);
    expect([width, height]).toEqual([400, 400]);
    const alphaAt = (x: number, y: number) => data[4 * (y * width + x) + 3];
    expect([alphaAt(0, 0), alphaAt(250, 200)]).toEqual([0, 255]);
  });

  it('decodes a photo of 12 megapixels in its orientation, at a reduced size', async () => {
    const bytes = await file('phone-12mp-exif6.jpg');
    const { width, height } = await decodeImage(bytes, { ...imageDecoders, minSide: 448 });
    expect([width, height]).toEqual([378, 504]);
  });

  it('is not black if it holds 12 bits in samples of 16', async () => {
    const { data } = await decodeImage(await file('png-12bit-in-16bit.png'), imageDecoders);
    expect(Math.max(...data.filter((_, i) => i % 4 < 3))).toBeGreaterThan(200);
  });

  it.each([
    ['iphone.heic', 'unsupported_image', 'This is HEIC'],
    ['jpeg-12bit.jpg', 'unsupported_image', '12 bits'],
    ['jpeg-arithmetic-coded.jpg', 'unsupported_image', 'arithmetic coding'],
    ['jpeg-with-two-frame-headers.jpg', 'bad_image', 'corrupt'],
  ])('is refused by its name: %s', async (name, code, message) => {
    const refusal = await decodeImage(await file(name), imageDecoders).catch((error) => error);
    expect(refusal).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it.each([
    ['AVIF', [0, 0, 0, 28, ...text('ftypavif')]],
    ['HEIC', [0, 0, 0, 24, ...text('ftypmif1')]],
    ['TIFF', [...text('II'), 42, 0]],
    ['TIFF', [...text('MM'), 0, 42]],
    ["Apple's CgBI variant of PNG", [0x89, ...text('PNG\r\n\x1a\n'), 0, 0, 0, 4, ...text('CgBI')]],
    ['a lossless JPEG', frame(0xc3)],
    ['a JPEG with arithmetic coding', frame(0xca)],
    ['a JPEG-LS', frame(0xf7)],
  ])('of another format is refused by its name: %s', async (name, start) => {
    const bytes = Uint8Array.from([...start, ...new Uint8Array(64)]);
    const refusal = await decodeImage(bytes, imageDecoders).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'unsupported_image' });
    expect(refusal.message).toContain(`This is ${name}`);
  });
});
