import { encode } from 'fast-png';
import { enlarge, type GreyPixels } from '../image/enlarge.ts';
import { glyphHeight, glyphRows, glyphWidth } from './bitmap-font.ts';

const margin = 10;
/** Of a title, longer ones are cut: a label may be of any length. */
const mostCharacters = 120;

/**
 * Draws an image beneath its title, black on white, as a PNG. The title is set in a bitmap font of ASCII: accents are dropped,
 * and what is no Latin letter becomes a question mark.
 */
export function titledPng(image: GreyPixels, title: string): Uint8Array {
  const text = printable(title);
  const picture = enlarge(
    image,
    Math.max(1, Math.floor(336 / Math.max(image.width, image.height))),
  );
  const width = Math.max(picture.width, text.length * glyphWidth) + 2 * margin;
  const top = margin + glyphHeight + margin;
  const height = top + picture.height + margin;
  const data = new Uint8Array(width * height).fill(255);
  const left = (width - picture.width) >> 1;
  for (let y = 0; y < picture.height; y++) {
    const row = picture.pixels.subarray(y * picture.width, (y + 1) * picture.width);
    data.set(row, (top + y) * width + left);
  }
  drawText(data, width, text);
  return encode({ width, height, data, channels: 1, depth: 8 });
}

function drawText(data: Uint8Array, width: number, text: string): void {
  const left = (width - text.length * glyphWidth) >> 1;
  for (const [place, character] of Array.from(text).entries()) {
    for (const [y, bits] of glyphRows(character).entries()) {
      for (let x = 0; x < glyphWidth; x++) {
        if (bits & (0x80 >> x)) data[(margin + y) * width + left + place * glyphWidth + x] = 0;
      }
    }
  }
}

function printable(title: string): string {
  const characters = Array.from(title.normalize('NFD').replace(/\p{Mark}/gu, ''), (character) =>
    /^[ -~]$/.test(character) ? character : '?',
  );
  if (characters.length <= mostCharacters) return characters.join('');
  return `${characters.slice(0, mostCharacters - 3).join('')}...`;
}
