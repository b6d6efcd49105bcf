/** The example in CONTRIBUTING.md of adding an image format. */
import { expect, it } from 'vitest';
import guide from '../../../CONTRIBUTING.md?raw';
import { imageDecoders } from '../../../edge/input/image-decoders.ts';
import { decodeImage, imageFormats } from '../../../shared/image/decode-image.ts';
import source from '../../support/edge/pgm.ts?raw';

const extended: typeof imageFormats = [
  ...imageFormats,
  {
    name: 'PGM',
    mediaType: 'image/x-portable-graymap',
    signature: [[[0x50, 0x35], 0]],
    maxPixels: 16_000_000,
    nanosecondsPerPixel: 45,
    load: async () => (await import('../../support/edge/pgm.ts')).pgm,
  },
];

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (text: string) => decodeImage(encode(text), imageDecoders, extended);

it('is the one in CONTRIBUTING.md', () => {
  expect(guide).toContain(
    `// shared/image/pgm.ts\n${source.replaceAll('../../../shared/image/', './')}`,
  );
  expect(guide).toContain("load: async () => (await import('./pgm.ts')).pgm,");
});

it('decodes the new format', async () => {
  const { width, height, data } = await decode('P5 2 1 255\nAB');
  expect([width, height]).toEqual([2, 1]);
  expect(Array.from(data)).toEqual([65, 65, 65, 255, 66, 66, 66, 255]);
});

it('rejects corrupt images of it, and names it in the error about other formats', async () => {
  await expect(decode('P5 2 2 255\nAB')).rejects.toThrow('truncated');
  await expect(decode('P5 9000 9000 255\nAB')).rejects.toThrow('megapixels');
  await expect(decode('nothing')).rejects.toThrow('PNG, JPEG, WebP, GIF, BMP and PGM');
});
