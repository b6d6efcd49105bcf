import sharp from 'sharp';
import { type CorpusFile, keepsEveryPixel } from './corpus-file.ts';
import { type GreyPicture, javascriptEncoders } from './javascript-encoders.ts';

const side = 28;
const largestScale = 12;

export interface EncodeOptions {
  /** Test images, 784 bytes each. */
  images: Uint8Array;
  /** Every n-th image is encoded per kind. */
  every: number;
}

/** Encodes test images, enlarged 1 to 12 times, in every kind: the same images as encode_with_pillow.py. */
export async function* encodeInJavaScript(options: EncodeOptions): AsyncGenerator<CorpusFile> {
  const { images, every } = options;
  const count = images.length / side ** 2;
  for (const [number, [kind, { encode }]] of Object.entries(javascriptEncoders).entries()) {
    for (let index = 0; index < count; index++) {
      if ((index + 3 * number) % every !== 0) continue;
      const scale = 1 + ((Math.floor(index / every) + 5 * number) % largestScale);
      const pixels = images.subarray(index * side ** 2, (index + 1) * side ** 2);
      const picture = await enlarge(pixels, scale, keepsEveryPixel(kind) ? 'nearest' : 'cubic');
      yield { index, kind, bytes: Uint8Array.from(await encode(picture)) };
    }
  }
}

/** Nearest repeats pixels, so that the mean of each area is the pixel; editors use cubic. */
async function enlarge(
  pixels: Uint8Array,
  scale: number,
  kernel: 'nearest' | 'cubic',
): Promise<GreyPicture> {
  const size = side * scale;
  const data = await sharp(pixels, { raw: { width: side, height: side, channels: 1 } })
    .resize(size, size, { kernel })
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  return { width: size, height: size, data: new Uint8Array(data) };
}
