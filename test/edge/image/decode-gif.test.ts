import { describe, expect, it } from 'vitest';
import { imageDecoders } from '../../../edge/input/image-decoders.ts';
import { decodeImage } from '../../../shared/image/decode-image.ts';
import { expandGifCodes } from '../../../shared/image/gif.ts';

const decode = (bytes: Uint8Array) => decodeImage(bytes, imageDecoders);

/** Packs codes of one width, lowest bits first, into one block. */
function block(codeBits: number, codes: number[]): Uint8Array {
  const bits = codes.flatMap((code) => Array.from({ length: codeBits }, (_, i) => (code >> i) & 1));
  const bytes = Array.from({ length: Math.ceil(bits.length / 8) }, (_, byte) =>
    bits.slice(8 * byte, 8 * byte + 8).reduce((sum, bit, i) => sum | (bit << i), 0),
  );
  return Uint8Array.from([bytes.length, ...bytes, 0]);
}

/** A GIF of 4x4 whose frame is 2x1 and lies at 1, 2; colour 1 is 10, 20, 30. */
const gif = (blocks: Uint8Array, extension: number[] = []) =>
  Uint8Array.from([
    ...new TextEncoder().encode('GIF89a'),
    4,
    0,
    4,
    0,
    0x80,
    0,
    0,
    0,
    0,
    0,
    10,
    20,
    30,
    ...extension,
    0x2c,
    1,
    0,
    2,
    0,
    2,
    0,
    1,
    0,
    0,
    2,
    ...blocks,
    0x3b,
  ]);

const [clear, end] = [4, 5];

describe('decodeImage on GIF', () => {
  it('places the frame on its screen, the rest transparent', async () => {
    const { width, height, data } = await decode(gif(block(3, [clear, 1, 0, end])));
    expect([width, height]).toEqual([4, 4]);
    const expected = new Uint8Array(64);
    expected.set([10, 20, 30, 255, 0, 0, 0, 255], 4 * (4 * 2 + 1));
    expect(data).toEqual(expected);
  });

  it('keeps transparent pixels transparent', async () => {
    const control = [0x21, 0xf9, 4, 1, 0, 0, 1, 0];
    const { data } = await decode(gif(block(3, [clear, 1, 0, end]), control));
    expect(Array.from(data.subarray(36, 44))).toEqual([0, 0, 0, 0, 0, 0, 0, 255]);
  });

  it('grows the screen to a frame that exceeds it', async () => {
    const good = gif(block(3, [clear, 1, 0, end]));
    const outside = await decode(good.with(good.indexOf(0x2c) + 1, 3));
    expect([outside.width, outside.height]).toEqual([5, 4]);
    const screenless = await decode(good.with(6, 0).with(8, 0));
    expect([screenless.width, screenless.height]).toEqual([3, 3]);
  });

  it('refuses a colour that does not exist, and a file that is cut off', async () => {
    const good = gif(block(3, [clear, 1, 0, end]));
    await expect(decode(gif(block(3, [clear, 1, 2, end])))).rejects.toThrow('no colour 2');
    for (let length = 6; length < good.length - 3; length++) {
      await expect(decode(good.subarray(0, length))).rejects.toThrow(/corrupt/);
    }
  });
});

describe('expandGifCodes', () => {
  it('reads a code that is used in the step that defines it', () => {
    // 1; 6 = 1 1; then 7 = 1 1 1: six pixels.
    expect(Array.from(expandGifCodes(2, block(3, [clear, 1, 6, 7, end]), 6))).toEqual(
      Array(6).fill(1),
    );
  });

  it('refuses undefined codes, which could refer to each other endlessly', () => {
    expect(() => expandGifCodes(2, block(3, [clear, 1, 7, 6]), 100)).toThrow('code 7');
    expect(() => expandGifCodes(2, block(3, [clear, 6]), 100)).toThrow('code 6');
  });

  it('refuses too few pixels, and more bits than a pixel has', () => {
    expect(() => expandGifCodes(2, block(3, [clear, 1, end]), 2)).toThrow('after 1 of 2 pixels');
    expect(() => expandGifCodes(9, block(3, [clear]), 2)).toThrow('9 bits');
  });

  it('ignores what follows the last pixel', () => {
    expect(Array.from(expandGifCodes(2, block(3, [clear, 1, 6, 7]), 2))).toEqual([1, 1]);
  });
});
