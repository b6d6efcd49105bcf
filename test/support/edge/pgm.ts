import { type ImageDecoder, ImageError } from '../../../shared/image/image.ts';

/** Decodes a binary PGM of 8 bits (https://netpbm.sourceforge.net/doc/pgm.html). */
export const pgm: ImageDecoder = {
  readSize: readHeader,
  decode(bytes) {
    const { width, height, offset } = readHeader(bytes);
    const grey = bytes.subarray(offset);
    if (grey.length < width * height) throw new ImageError('bad_image', 'The PGM is truncated.');
    const data = new Uint8Array(4 * width * height).fill(255);
    for (let i = 0; i < width * height; i++) data.fill(grey[i] ?? 0, 4 * i, 4 * i + 3);
    return { width, height, data };
  },
};

function readHeader(bytes: Uint8Array) {
  const start = String.fromCharCode(...bytes.subarray(0, 64));
  const [header, width, height] = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(start) ?? [];
  if (header === undefined) throw new ImageError('bad_image', 'The PGM has no valid header.');
  return { width: Number(width), height: Number(height), offset: header.length };
}
