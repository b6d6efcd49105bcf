/** JPEGs whose colours have fewer samples than the picture, compared with what Pillow decodes (fixtures/jpeg-upsampling). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { expect, it } from 'vitest';
import { decodeImage } from '../../../shared/image/decode-image.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';

const folder = join(import.meta.dirname, '../../fixtures/jpeg-upsampling');
const read = async (file: string) => new Uint8Array(await readFile(join(folder, file)));

/** libjpeg's inverse DCT rounds integers, Catwalk's floats: a sample may differ by 1, and blue by 1.772 of it. */
const maxDifference = 3;

it.each([
  '420',
  '420-even',
  '420-progressive',
  '420-narrow',
  '420-flat',
  '422',
  '422-narrow',
  '440',
  '444',
])('interpolates colours as libjpeg does: %s', async (name) => {
  const found = await decodeImage(await read(`${name}.jpg`), imageDecoders);
  const expected = decode(await read(`${name}.png`));
  expect([found.width, found.height]).toEqual([expected.width, expected.height]);
  const differences = Array.from(expected.data, (level, i) => {
    const pixel = Math.floor(i / 3);
    return Math.abs(level - (found.data[4 * pixel + (i % 3)] as number));
  });
  expect(Math.max(...differences)).toBeLessThanOrEqual(maxDifference);
  const sum = differences.reduce((total, difference) => total + difference, 0);
  expect(sum / differences.length).toBeLessThan(0.5);
});
