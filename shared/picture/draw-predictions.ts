import type { Pixels } from '../image/resize.ts';
import { pngUrl } from './png.ts';

/** An image with its predicted label. */
export interface PictureOf extends Pixels {
  predicted: string;
  /** The true label, if known. */
  actual?: string | undefined;
}

/** Sizes in pixels of the picture. */
const imageSize = 280;
/** The pixels of a picture with up to this many a side are drawn as squares. Larger pictures are photos. */
export const maxSquares = 95;
const margin = 16;
const titleHeight = 28;
const frame = 4;
const maxTextSize = 15;
const minTextSize = 9;
/** The width of an average character relative to the font size, for DejaVu Sans, a wide font. */
const characterWidth = 0.54;
const wrong = '#c62828';

/**
 * Draws images as a self-contained SVG, each titled "Predicted: X, Actual: Y" as in the tutorial. A wrong prediction
 * has a red title and frame.
 *
 * @param pictures at least one
 * @param columns the maximum number of images in a row
 */
export function drawPredictions(pictures: readonly PictureOf[], columns = 4): string {
  const inRow = Math.min(columns, pictures.length);
  const width = inRow * (imageSize + margin) + margin;
  const height = Math.ceil(pictures.length / inRow) * (imageSize + titleHeight + margin) + margin;
  const tiles = pictures.map((picture, position) => {
    const x = margin + (position % inRow) * (imageSize + margin);
    const y = margin + Math.floor(position / inRow) * (imageSize + titleHeight + margin);
    return drawTile(picture, x, y);
  });
  const attributes = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  const font = 'font-family="DejaVu Sans, Verdana, sans-serif" text-anchor="middle"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${attributes} ${font}><rect width="100%" height="100%" fill="#fff"/>${tiles.join('')}</svg>`;
}

function drawTile(picture: PictureOf, x: number, y: number): string {
  const { predicted, actual } = picture;
  const isWrong = actual !== undefined && actual !== predicted;
  const { text, size } = fitTitle(predicted, actual);
  const title = `<text x="${x + imageSize / 2}" y="${y + titleHeight - 10}" font-size="${size}" fill="${isWrong ? wrong : '#111'}">${escapeMarkup(text)}</text>`;
  const box = `x="${x}" y="${y + titleHeight}" width="${imageSize}" height="${imageSize}"`;
  // SVG 1.1's keyword for square pixels, which browsers and resvg support.
  const rendering =
    Math.max(picture.width, picture.height) <= maxSquares ? ' image-rendering="optimizeSpeed"' : '';
  const image = `<image ${box}${rendering} href="${pngUrl(picture)}"/>`;
  const mark = `<rect ${box} fill="none" stroke="${wrong}" stroke-width="${frame}"/>`;
  return `<g>${title}${image}${isWrong ? mark : ''}</g>`;
}

/** Shrinks long titles, and cuts labels that would be too small to read. */
function fitTitle(predicted: string, actual: string | undefined): { text: string; size: number } {
  const text = titleOf(predicted, actual);
  const sizeOf = (title: string) => (imageSize + margin - 4) / (characterWidth * [...title].length);
  const size = Math.min(maxTextSize, sizeOf(text));
  if (size >= minTextSize) return { text, size: Math.round(size * 10) / 10 };
  const room = (imageSize + margin - 4) / (characterWidth * minTextSize);
  const labels = actual === undefined ? 1 : 2;
  const each = Math.floor((room - titleOf('', actual && '').length) / labels);
  const cut = (label: string) =>
    [...label].length <= each ? label : `${[...label].slice(0, each - 1).join('')}…`;
  return { text: titleOf(cut(predicted), actual && cut(actual)), size: minTextSize };
}

const titleOf = (predicted: string, actual: string | undefined) =>
  actual === undefined ? `Predicted: ${predicted}` : `Predicted: ${predicted}, Actual: ${actual}`;

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for SVG and HTML. Control characters, which XML can't contain, become U+FFFD. */
export const escapeMarkup = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => entities[character] as string)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are replaced.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
