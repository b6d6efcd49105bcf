import type { Pixels } from '../../shared/image/resize.ts';
import { drawPredictions } from '../../shared/picture/draw-predictions.ts';
import { titledPng } from '../../shared/picture/png.ts';
import { Problem } from '../errors.ts';

export type PictureType = 'image/svg+xml' | 'image/png';

const offered = ['application/json', 'image/svg+xml', 'image/png'] as const;

/**
 * @returns the media type of the picture that an Accept header prefers, `null` if it is JSON
 * @throws {Problem} `not_acceptable`
 */
export function pictureType(accept: string): PictureType | null {
  const type = negotiate(accept, offered);
  if (type === null) {
    throw new Problem(
      'not_acceptable',
      `Accept is "${accept}"; the answer can be ${offered.join(', ')}.`,
    );
  }
  return type === 'application/json' ? null : type;
}

/** Draws a test image under the title "Predicted: X, Actual: Y", as the tutorial shows it. */
export function drawAnswer(
  type: PictureType,
  { pixels, width, height }: Pixels,
  predicted: string,
  actual: string,
): string | Uint8Array<ArrayBuffer> {
  const image = { pixels, width, height };
  return type === 'image/png'
    ? new Uint8Array(titledPng(image, `Predicted: ${predicted}, Actual: ${actual}`))
    : drawPredictions([{ ...image, predicted, actual }]);
}

/**
 * Chooses the media type with the highest weight in an Accept header (RFC 9110, section 12.5.1).
 *
 * @param offered media types without parameters; of equal weights the first wins
 * @returns `null` if none is acceptable
 */
function negotiate<const Type extends string>(
  accept: string,
  offered: readonly Type[],
): Type | null {
  const ranges = accept.split(',').map(parseRange);
  let best: Type | null = null;
  let bestWeight = 0;
  for (const type of offered) {
    const weight = weightOf(type, ranges);
    if (weight > bestWeight) [best, bestWeight] = [type, weight];
  }
  return best;
}

interface MediaRange {
  type: string;
  /** 0 to 1. 0 is not acceptable. */
  weight: number;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = quality === undefined ? 1 : Number(quality.slice(2));
  return { type, weight: weight >= 0 && weight <= 1 ? weight : 0 };
}

/** The most specific range that matches a type decides. */
function weightOf(type: string, ranges: MediaRange[]): number {
  for (const range of [type, `${type.split('/')[0]}/*`, '*/*']) {
    const found = ranges.find((each) => each.type === range);
    if (found) return found.weight;
  }
  return 0;
}
