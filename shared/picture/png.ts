import { encodeBase64 } from 'hono/utils/encode';
import { channelsOf, enlarge, type Pixels } from '../image/resize.ts';
import { encodePng } from './encode-png.ts';

/** Encodes an image as a PNG, each pixel as a square of `scale` pixels. */
export function toPng(image: Pixels, scale = 1): Uint8Array {
  const { pixels, width, height } = enlarge(image, scale);
  return encodePng({ width, height, data: pixels, channels: channelsOf(image) });
}

/** Encodes an image as a PNG in a `data:` URL. */
export const pngUrl = (image: Pixels): string =>
  `data:image/png;base64,${encodeBase64(toPng(image).slice().buffer)}`;

const margin = 10;
/** The maximum length of a title. Longer ones are cut. */
const maxCharacters = 120;

/**
 * Draws an image below its title, black on white, as a PNG. The title's bitmap font has only ASCII: accents are
 * removed, and other characters become question marks.
 */
export function titledPng(image: Pixels, title: string): Uint8Array {
  const text = printable(title);
  const picture = enlarge(
    image,
    Math.max(1, Math.floor(336 / Math.max(image.width, image.height))),
  );
  const width = Math.max(picture.width, text.length * glyphWidth) + 2 * margin;
  const top = margin + glyphHeight + margin;
  const height = top + picture.height + margin;
  const channels = channelsOf(image);
  const data = new Uint8Array(width * height * channels).fill(255);
  const left = (width - picture.width) >> 1;
  const rowLength = picture.width * channels;
  for (let y = 0; y < picture.height; y++) {
    const row = picture.pixels.subarray(y * rowLength, (y + 1) * rowLength);
    data.set(row, ((top + y) * width + left) * channels);
  }
  drawText(data, width, channels, text);
  return encodePng({ width, height, data, channels });
}

function drawText(data: Uint8Array, width: number, channels: number, text: string): void {
  const left = (width - text.length * glyphWidth) >> 1;
  for (const [place, character] of Array.from(text).entries()) {
    for (const [y, bits] of glyphRows(character).entries()) {
      for (let x = 0; x < glyphWidth; x++) {
        const at = ((margin + y) * width + left + place * glyphWidth + x) * channels;
        if (bits & (0x80 >> x)) data.fill(0, at, at + channels);
      }
    }
  }
}

function printable(title: string): string {
  const characters = Array.from(title.normalize('NFD').replace(/\p{Mark}/gu, ''), (character) =>
    /^[ -~]$/.test(character) ? character : '?',
  );
  if (characters.length <= maxCharacters) return characters.join('');
  return `${characters.slice(0, maxCharacters - 3).join('')}...`;
}

/** The size of a character in pixels. A row is a byte, its highest bit the left pixel. */
const glyphWidth = 7;
const glyphHeight = 12;

/**
 * The characters U+0020 to U+007E of the X Window System's font 7x13, in hexadecimal, twelve bytes each. "Public domain font.
 * Share and enjoy." (https://gitlab.freedesktop.org/xorg/font/misc-misc)
 */
const glyphs = [
  '000000000000000000000000001010101010101000100000002828280000000000000000000028287c287c28280000000000103c5038147810000000',
  '0044a4481010204894880000000000609090609488740000001010100000000000000000000810102020201010080000002010100808081010200000',
  '0000004830fc30480000000000000010107c10100000000000000000000000003830400000000000007c000000000000000000000000000010381000',
  '0004040808102020404000000030488484848484483000000010305010101010107c0000007884840408304080fc000000fc04081038040484780000',
  '00081828488888fc0808000000fc8080b8c40404847800000038408080b8c4848478000000fc04081010202040400000007884848478848484780000',
  '007884848c7404040870000000000010381000001038100000000010381000003830400000040810204020100804000000000000fc0000fc00000000',
  '004020100804081020400000007884840408101000100000007884849ca4ac9480780000003048848484fc848484000000f844444478444444f80000',
  '00788480808080808478000000f844444444444444f8000000fc808080f0808080fc000000fc808080f08080808000000078848080809c848c740000',
  '0084848484fc848484840000007c101010101010107c0000001c0808080808088870000000848890a0c0a09088840000008080808080808080fc0000',
  '0084ccccb4b4848484840000008484c4a4948c848484000000788484848484848478000000f8848484f880808080000000788484848484a494780400',
  '00f8848484f8a09088840000007884808078040484780000007c10101010101010100000008484848484848484780000008484844848483030300000',
  '0084848484b4b4cccc84000000848448483048488484000000444428281010101010000000fc04081030204080fc0000784040404040404040407800',
  '00404020201008080404000078080808080808080808780000102844000000000000000000000000000000000000fc00201000000000000000000000',
  '0000000078047c848c74000000808080b8c48484c4b8000000000000788480808478000000040404748c84848c740000000000007884fc8084780000',
  '0038444040f040404040000000000000748888708078847800808080b8c48484848400000000100030101010107c0000000004000c04040404444438',
  '008080808890e090888400000030101010101010107c000000000000685454545444000000000000b8c4848484840000000000007884848484780000',
  '00000000b8c484c4b880808000000000748c848c7404040400000000b84440404040000000000000788460188478000000004040f040404044380000',
  '00000000848484848c740000000000004444442828100000000000004444545454280000000000008448303048840000000000008484848c74048478',
  '00000000fc08102040fc00001c2020201060102020201c0000101010101010101010000070080808100c100808087000002454480000000000000000',
].join('');

/** @returns the rows of a character, top to bottom; a question mark if the font lacks it */
function glyphRows(character: string): number[] {
  const code = character.charCodeAt(0);
  const known = character.length === 1 && code >= 0x20 && code <= 0x7e;
  const start = ((known ? code : 0x3f) - 0x20) * glyphHeight;
  return Array.from({ length: glyphHeight }, (_, row) =>
    Number.parseInt(glyphs.slice(2 * (start + row), 2 * (start + row + 1)), 16),
  );
}
