import { describe, expect, it } from 'vitest';
import { imageDecoders } from '../../../edge/input/image-decoders.ts';
import { decodeImage } from '../../../shared/image/decode-image.ts';
import { writeBmp } from '../../support/edge/write-bmp.ts';

const decode = async (bytes: Uint8Array) =>
  Array.from((await decodeImage(bytes, imageDecoders)).data);
const pixelsOf = (parts: Parameters<typeof writeBmp>[0]) => decode(writeBmp(parts));
const grey = (...values: number[]) => values.flatMap((value) => [value, value, value, 255]);
/** Colour n is the grey 16 n. */
const palette = Array.from({ length: 16 }, (_, i) => [16 * i, 16 * i, 16 * i, 0]).flat();

describe('decodeImage on BMP', () => {
  it('reads 1 and 4 bits per pixel, with padded rows from the bottom up', async () => {
    const two = { width: 3, height: 2, palette };
    expect(
      await pixelsOf({ ...two, bitsPerPixel: 1, data: [0b10100000, 0, 0, 0, 0b01000000, 0, 0, 0] }),
    ).toEqual(grey(0, 16, 0, 16, 0, 16));
    expect(
      await pixelsOf({ ...two, bitsPerPixel: 4, data: [0x12, 0x30, 0, 0, 0x45, 0x60, 0, 0] }),
    ).toEqual(grey(64, 80, 96, 16, 32, 48));
  });

  it('reads rows from the top down', async () => {
    const data = [1, 2, 0, 0, 3, 4, 0, 0];
    expect(await pixelsOf({ width: 2, height: -2, bitsPerPixel: 8, palette, data })).toEqual(
      grey(16, 32, 48, 64),
    );
  });

  it('reads 16 bits per pixel: five per channel, and by masks', async () => {
    const pixel = { width: 1, height: 1, bitsPerPixel: 16 };
    // Red 31, green 0, blue 15 of 31.
    expect(await pixelsOf({ ...pixel, data: [0b00001111, 0b01111100, 0, 0] })).toEqual([
      255, 0, 123, 255,
    ]);
    const masks = [0xf800, 0x07e0, 0x001f];
    expect(
      await pixelsOf({ ...pixel, compression: 3, masks, data: [0b11100000, 0b00000111, 0, 0] }),
    ).toEqual([0, 255, 0, 255]);
  });

  it('reads 32 bits per pixel, and the fourth byte as alpha only if a mask says so', async () => {
    const pixel = { width: 2, height: 1, bitsPerPixel: 32, data: [3, 2, 1, 9, 6, 5, 4, 0] };
    expect(await pixelsOf(pixel)).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
    const masks = [0xff0000, 0xff00, 0xff, 0xff000000];
    expect(await pixelsOf({ ...pixel, compression: 6, masks })).toEqual([1, 2, 3, 9, 4, 5, 6, 0]);
    const unused = { ...pixel, data: pixel.data.with(3, 0), compression: 6, masks };
    expect(await pixelsOf(unused)).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
  });

  it('reads run lengths of 8 and 4 bits: repeats, literals and jumps', async () => {
    const runs = { width: 4, height: 2, palette };
    // Three times 2, one 1, end of row; skip one, then three literals and a padding byte, end.
    const eight = [3, 2, 1, 1, 0, 0, 0, 2, 1, 0, 0, 3, 5, 6, 7, 0, 0, 1];
    expect(await pixelsOf({ ...runs, bitsPerPixel: 8, compression: 1, data: eight })).toEqual(
      grey(0, 80, 96, 112, 32, 32, 32, 16),
    );
    // Three pixels alternating 2 and 3, end of row; four literals, end.
    const four = [3, 0x23, 0, 0, 0, 4, 0x45, 0x67, 0, 1];
    expect(await pixelsOf({ ...runs, bitsPerPixel: 4, compression: 2, data: four })).toEqual(
      grey(64, 80, 96, 112, 32, 48, 32, 0),
    );
  });

  it('reads the oldest header', async () => {
    // BITMAPCOREHEADER: 12 bytes, a palette of three bytes per colour.
    const bytes = Uint8Array.from([
      0x42, 0x4d, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 12, 0, 0, 0, 2, 0, 1, 0, 1, 0, 1, 0, 1, 2, 3,
      7, 8, 9, 0b10000000, 0, 0, 0,
    ]);
    expect(await decode(bytes)).toEqual([9, 8, 7, 255, 3, 2, 1, 255]);
  });

  it('does not believe an offset that points into the headers', async () => {
    const file = writeBmp({
      width: 2,
      height: 1,
      bitsPerPixel: 24,
      data: [1, 2, 3, 4, 5, 6, 0, 0],
    });
    const expected = await decode(file);
    for (const offset of [0, 14, 53]) expect(await decode(file.with(10, offset))).toEqual(expected);
  });

  it('refuses truncated files, missing palette colours and embedded JPEG', async () => {
    const pixel = { width: 2, height: 2, bitsPerPixel: 8, palette, data: [0, 0, 0, 0, 0] };
    await expect(pixelsOf(pixel)).rejects.toThrow('cut off');
    await expect(pixelsOf({ ...pixel, data: [0, 99, 0, 0, 0, 0, 0, 0] })).rejects.toThrow(
      'no colour 99',
    );
    await expect(pixelsOf({ ...pixel, compression: 4 })).rejects.toThrow('compression 4');
    await expect(pixelsOf({ ...pixel, compression: 1, data: [9, 1] })).rejects.toThrow(
      'cut off after 0',
    );
    await expect(pixelsOf({ ...pixel, height: 0 })).rejects.toThrow('2x0');
    await expect(pixelsOf({ ...pixel, bitsPerPixel: 7 })).rejects.toThrow('7 bits');
  });
});
