import { ImageError } from './image-error.ts';

/**
 * Undoes a PNG row's filter in place (https://www.w3.org/TR/png-3/#9Filters).
 *
 * @param filter 0 none, 1 sub, 2 up, 3 average, 4 Paeth
 * @param row as inflated; becomes the row's samples
 * @param previous the unfiltered row above, zeros for the first
 * @param distance bytes from a sample to the one on its left
 * @throws {ImageError} on any other filter
 */
export function unfilterRow(
  filter: number,
  row: Uint8Array,
  previous: Uint8Array,
  distance: number,
): void {
  if (filter === 0) return;
  const predict = predictors[filter];
  if (!predict)
    throw new ImageError('bad_image', `The PNG has a row with unknown filter ${filter}.`);
  for (let i = 0; i < row.length; i++) {
    const left = i < distance ? 0 : (row[i - distance] as number);
    const up = previous[i] as number;
    const upLeft = i < distance ? 0 : (previous[i - distance] as number);
    row[i] = (row[i] as number) + predict(left, up, upLeft);
  }
}

const predictors: Record<number, (left: number, up: number, upLeft: number) => number> = {
  1: (left) => left,
  2: (_left, up) => up,
  3: (left, up) => (left + up) >> 1,
  4: paeth,
};

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft;
  const distanceLeft = Math.abs(estimate - left);
  const distanceUp = Math.abs(estimate - up);
  const distanceUpLeft = Math.abs(estimate - upLeft);
  if (distanceLeft <= distanceUp && distanceLeft <= distanceUpLeft) return left;
  return distanceUp <= distanceUpLeft ? up : upLeft;
}
