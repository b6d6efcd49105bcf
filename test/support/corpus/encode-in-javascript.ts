import sharp from 'sharp';
import { type CorpusFile, keepsEveryPixel } from './corpus-file.ts';
import { javascriptEncoders, keepsColours, type Picture } from './javascript-encoders.ts';

const largestScale = 12;
/** Pixels a side of an enlarged picture: an interlaced PNG may have 1 megapixel. */
const largestSide = 1000;

export interface EncodeOptions {
  /** Square test images, [side, side, channels]. */
  images: Uint8Array;
  /** (default: 28) */
  side?: number;
  /** (default: 1) */
  channels?: 1 | 3;
  /** Every n-th image is encoded per kind. */
  every: number;
}

/** Encodes test images, enlarged 1 to 12 times, in every kind: the same images as encode_with_pillow.py. */
export async function* encodeInJavaScript(options: EncodeOptions): AsyncGenerator<CorpusFile> {
  const { images, every, side = 28, channels = 1 } = options;
  const size = side ** 2 * channels;
  const count = images.length / size;
  const scales = Math.max(1, Math.min(largestScale, Math.floor(largestSide / side)));
  const kinds = Object.entries(javascriptEncoders).filter(
    ([kind]) => channels === 1 || keepsColours(kind),
  );
  for (const [number, [kind, { encode }]] of kinds.entries()) {
    for (let index = 0; index < count; index++) {
      if ((index + 3 * number) % every !== 0) continue;
      const scale = 1 + ((Math.floor(index / every) + 5 * number) % scales);
      const data = images.subarray(index * size, (index + 1) * size);
      const kernel = keepsEveryPixel(kind) ? 'nearest' : 'cubic';
      const picture = await enlarge({ width: side, height: side, channels, data }, scale, kernel);
      yield { index, kind, bytes: Uint8Array.from(await encode(picture)) };
    }
  }
}

/** Nearest repeats pixels, so that the mean of each area is the pixel; editors use cubic. */
async function enlarge(
  { width, height, channels, data }: Picture,
  scale: number,
  kernel: 'nearest' | 'cubic',
): Promise<Picture> {
  const size = { width: width * scale, height: height * scale };
  const enlarged = await sharp(data, { raw: { width, height, channels } })
    .resize(size.width, size.height, { kernel })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();
  return { ...size, channels, data: new Uint8Array(enlarged) };
}
