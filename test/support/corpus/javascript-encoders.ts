import { encode as encodeBmp } from 'fast-bmp';
import { encode as encodePng } from 'fast-png';
import { encode as encodeJpeg } from 'jpeg-js';
import sharp, { type Sharp } from 'sharp';

/** A picture of one byte a pixel, or of three, red, green and blue, row by row. */
export interface Picture {
  width: number;
  height: number;
  channels: 1 | 3;
  data: Uint8Array;
}

export interface Encoder {
  extension: string;
  encode: (picture: Picture) => Promise<Uint8Array> | Uint8Array;
}

/**
 * Encoders besides Pillow's: libspng, mozjpeg, libwebp and cgif through sharp, and those written in JavaScript.
 * Kinds are named as in encode_with_pillow.py, with the encoder's name at the end.
 */
export const javascriptEncoders: Record<string, Encoder> = {
  'png-grey-sharp': using('png', (picture) => grey(picture).toColourspace('b-w').png()),
  'png-interlaced-sharp': using('png', (picture) => color(picture).png({ progressive: true })),
  'png-palette-sharp': using('png', (picture) => color(picture).png({ palette: true, dither: 0 })),
  'png-16-bits-sharp': using('png', (picture) => grey(picture).toColourspace('grey16').png()),
  'png-transparent-sharp': using('png', (picture) => transparent(picture).png()),
  'png-turned-sharp': using('png', (picture) => turned(color(picture)).png()),
  'jpeg-sharp': using('jpg', (picture) => color(picture).jpeg({ quality: 85 })),
  'jpeg-progressive-sharp': using('jpg', (picture) =>
    color(picture).jpeg({ quality: 85, progressive: true }),
  ),
  'jpeg-grey-sharp': using('jpg', (picture) => grey(picture).jpeg({ quality: 80, mozjpeg: true })),
  'jpeg-444-sharp': using('jpg', (picture) =>
    color(picture).jpeg({ quality: 90, chromaSubsampling: '4:4:4' }),
  ),
  'jpeg-cmyk-sharp': using('jpg', (picture) =>
    color(picture).toColourspace('cmyk').jpeg({ quality: 92 }),
  ),
  'jpeg-turned-sharp': using('jpg', (picture) => turned(color(picture)).jpeg({ quality: 90 })),
  'webp-sharp': using('webp', (picture) => color(picture).webp({ quality: 85 })),
  'webp-near-lossless-sharp': using('webp', (picture) =>
    color(picture).webp({ nearLossless: true, quality: 60 }),
  ),
  'webp-lossless-sharp': using('webp', (picture) => color(picture).webp({ lossless: true })),
  'webp-transparent-sharp': using('webp', (picture) =>
    transparent(picture).webp({ lossless: true, exact: true }),
  ),
  'webp-turned-sharp': using('webp', (picture) => turned(color(picture)).webp({ lossless: true })),
  'gif-sharp': using('gif', (picture) => color(picture).gif({ dither: 0 })),
  'gif-interlaced-sharp': using('gif', (picture) =>
    color(picture).gif({ dither: 0, progressive: true }),
  ),
  'png-grey-fast-png': {
    extension: 'png',
    encode: (picture) => encodePng({ ...picture, depth: 8 }),
  },
  'png-interlaced-fast-png': {
    extension: 'png',
    encode: (picture) => encodePng({ ...picture, depth: 8 }, { interlace: 'Adam7' }),
  },
  'png-16-bits-fast-png': {
    extension: 'png',
    encode: ({ data, ...size }) => {
      const wide = Uint16Array.from(data, (value) => 257 * value);
      return encodePng({ ...size, data: wide, depth: 16 });
    },
  },
  'jpeg-jpeg-js': {
    extension: 'jpg',
    encode: (picture) =>
      new Uint8Array(encodeJpeg({ ...picture, data: expand(picture, opaque) }, 90).data),
  },
  'bmp-rgb-fast-bmp': {
    extension: 'bmp',
    encode: (picture) =>
      encodeBmp({ ...picture, data: expand(picture, rgb), bitsPerPixel: 24, channels: 3 }),
  },
  'bmp-rgba-fast-bmp': {
    extension: 'bmp',
    encode: (picture) =>
      encodeBmp({ ...picture, data: expand(picture, opaque), bitsPerPixel: 32, channels: 4 }),
  },
};

function using(extension: string, draw: (picture: Picture) => Sharp): Encoder {
  return { extension, encode: (picture) => draw(picture).toBuffer() };
}

type Colours = [red: number, green: number, blue: number];
const rgb = (...colours: Colours) => colours;
const opaque = (...colours: Colours) => [...colours, 255];
/** Black with alpha: over white this is the negative, which the Worker inverts again. */
const shadow = (red: number) => [0, 0, 0, red];

/** Makes several channels of each pixel. */
function expand(
  { data, channels }: Picture,
  channelsOf: (...colours: Colours) => number[],
): Uint8Array {
  const count = channelsOf(0, 0, 0).length;
  const expanded = new Uint8Array((data.length / channels) * count);
  for (let i = 0; i < data.length; i += channels) {
    const at = (channel: number) => data[i + (channel % channels)] as number;
    expanded.set(channelsOf(at(0), at(1), at(2)), (i / channels) * count);
  }
  return expanded;
}

function grey({ data, width, height, channels }: Picture): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** The kinds that keep the colours of a photo: neither grey nor of a palette, nor made for light on black. */
export const keepsColours = (kind: string): boolean =>
  !/grey|palette|gif|transparent|16-bits-sharp/.test(kind);

function color(picture: Picture): Sharp {
  const { width, height } = picture;
  return sharp(expand(picture, rgb), { raw: { width, height, channels: 3 } });
}

function transparent(picture: Picture): Sharp {
  const { width, height } = picture;
  return sharp(expand(picture, shadow), { raw: { width, height, channels: 4 } });
}

/** The picture as a camera held sideways stores it: rotated, with its EXIF orientation. */
function turned(image: Sharp): Sharp {
  return image.rotate(270).withMetadata({ orientation: 6 });
}
