import { encode } from 'fast-png';
import { zlibSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { imageDecoders } from '../../../edge/input/image-decoders.ts';
import { decodeImage } from '../../../shared/image/decode-image.ts';
import { header, writePng as png } from '../../support/edge/write-png.ts';

const data = (...bytes: number[]): [string, Uint8Array] => [
  'IDAT',
  zlibSync(Uint8Array.from(bytes)),
];
const decode = (bytes: Uint8Array) => decodeImage(bytes, imageDecoders);
const pixelsOf = async (bytes: Uint8Array) => Array.from((await decode(bytes)).data);
const grey = (...values: number[]) => values.flatMap((value) => [value, value, value, 255]);

describe('decodeImage on PNG', () => {
  it.each([1, 2, 3, 4] as const)(
    'reads %i channels of 8 bits, as fast-png writes them',
    async (channels) => {
      const samples = Uint8Array.from({ length: 13 * 7 * channels }, (_, i) => (i * 37) % 256);
      const file = encode({ width: 13, height: 7, data: samples, channels, depth: 8 });
      const { width, height, data } = await decode(file);
      expect([width, height]).toEqual([13, 7]);
      for (let i = 0; i < 13 * 7; i++) {
        const pixel = samples.subarray(i * channels, (i + 1) * channels);
        const [red = 0, second = 0, third = 0, fourth = 0] = pixel;
        const expected = {
          1: [red, red, red, 255],
          2: [red, red, red, second],
          3: [red, second, third, 255],
          4: [red, second, third, fourth],
        }[channels];
        expect(Array.from(data.subarray(4 * i, 4 * i + 4))).toEqual(expected);
      }
    },
  );

  it('keeps the upper half of 16 bits', async () => {
    const samples = Uint16Array.from([0x0000, 0x12ff, 0xab00, 0xffff]);
    const file = encode({ width: 2, height: 2, data: samples, channels: 1, depth: 16 });
    expect(await pixelsOf(file)).toEqual(grey(0x00, 0x12, 0xab, 0xff));
  });

  it('reads 1, 2 and 4 bits a sample, rows padded to bytes', async () => {
    expect(await pixelsOf(png(header(3, 2, 1, 0), [data(0, 0b10100000, 0, 0b01000000)]))).toEqual(
      grey(255, 0, 255, 0, 255, 0),
    );
    expect(await pixelsOf(png(header(3, 1, 2, 0), [data(0, 0b00011000)]))).toEqual(
      grey(0, 85, 170),
    );
    expect(await pixelsOf(png(header(3, 1, 4, 0), [data(0, 0x0f, 0x80)]))).toEqual(
      grey(0, 255, 136),
    );
  });

  it('undoes every filter', async () => {
    const rows = [0, 10, 20, 30, 1, 5, 5, 5, 2, 1, 1, 1, 3, 9, 9, 9, 4, 2, 2, 2];
    // Encoded by hand: none; sub; up; average of left and up; Paeth.
    expect(await pixelsOf(png(header(3, 5, 8, 0), [data(...rows)]))).toEqual(
      grey(10, 20, 30, 5, 10, 15, 6, 11, 16, 12, 20, 27, 14, 22, 29),
    );
  });

  it('reads a palette, with transparency', async () => {
    const palette: [string, Uint8Array] = ['PLTE', Uint8Array.from([255, 0, 0, 0, 255, 0])];
    const alpha: [string, Uint8Array] = ['tRNS', Uint8Array.from([128])];
    const file = png(header(2, 1, 1, 3), [palette, alpha, data(0, 0b01000000)]);
    expect(await pixelsOf(file)).toEqual([255, 0, 0, 128, 0, 255, 0, 255]);
    const beyond = png(header(2, 1, 8, 3), [palette, data(0, 0, 2)]);
    await expect(decode(beyond)).rejects.toThrow('no colour 2');
  });

  it('reads a transparent colour', async () => {
    const transparent: [string, Uint8Array] = ['tRNS', Uint8Array.from([0, 7])];
    expect(await pixelsOf(png(header(2, 1, 8, 0), [transparent, data(0, 7, 8)]))).toEqual([
      7, 7, 7, 0, 8, 8, 8, 255,
    ]);
  });

  it('reads Adam7 interlacing as the same image without it', async () => {
    for (const [width, height] of [
      [8, 8],
      [5, 3],
      [1, 1],
      [17, 9],
    ] as const) {
      const samples = Uint8Array.from({ length: width * height }, (_, i) => (i * 53) % 256);
      const image = { width, height, data: samples, channels: 1, depth: 8 as const };
      const plain = await decode(encode(image));
      expect(await decode(encode(image, { interlace: 'Adam7' }))).toEqual(plain);
    }
  });

  it('does not inflate more than the size needs', async () => {
    const bomb = png(header(28, 28, 8, 0), [['IDAT', zlibSync(new Uint8Array(50_000_000))]]);
    expect(bomb.length).toBeLessThan(60_000);
    expect(await pixelsOf(bomb)).toEqual(grey(...new Uint8Array(784)));
  });

  it('joins any number of IDAT chunks', async () => {
    const bytes = zlibSync(Uint8Array.from([0, 1, 2, 0, 3, 4]));
    const single = Array.from(bytes, (byte): [string, Uint8Array] => ['IDAT', Uint8Array.of(byte)]);
    expect(await pixelsOf(png(header(2, 2, 8, 0), single))).toEqual(grey(1, 2, 3, 4));
  });

  it('accepts damage that leaves the pixels intact: a text with a wrong checksum, a missing end, surplus bytes', async () => {
    const file = png(header(2, 2, 8, 0), [
      ['tEXt', Uint8Array.of(65, 0, 66)],
      data(0, 1, 2, 0, 3, 4),
    ]);
    const text = file.indexOf(0x74);
    const expected = grey(1, 2, 3, 4);
    expect(await pixelsOf(file.with(text + 4, 66))).toEqual(expected);
    expect(await pixelsOf(file.subarray(0, -12))).toEqual(expected);
    expect(await pixelsOf(Uint8Array.from([...file, 1, 2, 3]))).toEqual(expected);
  });

  it('scales 12 bits in samples of 16, which would be almost black', async () => {
    const samples = data(0, 0x0f, 0xff, 0x07, 0xff);
    expect(await pixelsOf(png(header(2, 1, 16, 0), [samples]))).toEqual(grey(255, 127));
  });

  it('averages squares of pixels row by row if a smaller picture is requested', async () => {
    const samples = Uint8Array.from({ length: 7 * 5 }, (_, i) => (i * 53) % 256);
    const file = encode({ width: 7, height: 5, data: samples, channels: 1, depth: 8 });
    const { width, height, data } = await decodeImage(file, { ...imageDecoders, minSide: 3 });
    expect([width, height]).toEqual([4, 3]);
    const mean = (...at: number[]) =>
      Math.round(at.reduce((sum, i) => sum + (samples[i] as number), 0) / at.length);
    expect(data[0]).toBe(mean(0, 1, 7, 8));
    expect(data[4 * 3]).toBe(mean(6, 13));
    expect(data[4 * 11]).toBe(mean(34));
  });

  it('does not inflate colour profiles and texts', async () => {
    const profile = Uint8Array.from([120, 0, 0, ...zlibSync(new Uint8Array(50_000_000))]);
    const file = png(header(1, 1, 8, 0), [['iCCP', profile], data(0, 99)]);
    expect(await pixelsOf(file)).toEqual(grey(99));
  });

  it('refuses data that is too short, and invalid headers', async () => {
    await expect(decode(png(header(2, 2, 8, 0), [data(0, 1, 2)]))).rejects.toThrow('cut off');
    await expect(decode(png(header(2, 2, 8, 0), []))).rejects.toThrow('corrupt');
    await expect(decode(png(header(0, 2, 8, 0), [data(0)]))).rejects.toThrow('0x2');
    await expect(decode(png(header(2, 2, 16, 3), [data(0)]))).rejects.toThrow('colour type 3');
    await expect(decode(png(header(1, 1, 8, 0), [data(9, 1)]))).rejects.toThrow('filter 9');
  });
});
