import type { GreyPixels } from '../../shared/image/resize.ts';
import { drawPredictions } from '../../shared/picture/draw-predictions.ts';
import { titledPng } from '../../shared/picture/png.ts';
import { Problem } from '../errors.ts';
import { negotiate } from '../http/negotiate.ts';

export type PictureType = 'image/svg+xml' | 'image/png';

const offered = ['application/json', 'image/svg+xml', 'image/png'] as const;

/**
 * @returns the kind of picture that an Accept header asks for, `null` where JSON is as welcome
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

/** A test image under the title "Predicted: X, Actual: Y", as the tutorial shows it. */
export function drawAnswer(
  type: PictureType,
  { pixels, width, height }: GreyPixels,
  predicted: string,
  actual: string,
): string | Uint8Array<ArrayBuffer> {
  const image = { pixels, width, height };
  return type === 'image/png'
    ? new Uint8Array(titledPng(image, `Predicted: ${predicted}, Actual: ${actual}`))
    : drawPredictions([{ ...image, predicted, actual }]);
}
