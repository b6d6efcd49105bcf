import { corrupt } from './png-chunks.ts';

/** Receives an unfiltered row; the array is reused for a later row. */
type OnRow = (y: number, row: Uint8Array) => void;

/** Undoes the filters of a picture's rows, or of one interlaced pass's, while they are inflated. */
export function rowReader(columns: number, bitsPerPixel: number, onRow: OnRow) {
  const rowBytes = Math.ceil((columns * bitsPerPixel) / 8);
  const distance = Math.max(1, bitsPerPixel >> 3);
  let current = new Uint8Array(rowBytes);
  let previous = new Uint8Array(rowBytes);
  let filter = -1;
  let filled = 0;
  let y = 0;
  return {
    bytes: (rows: number) => rows * (1 + rowBytes),
    /** @returns how many bytes it has taken, at most to the end of row `rows` */
    take(piece: Uint8Array, rows: number): number {
      let at = 0;
      while (at < piece.length && y < rows) {
        if (filter < 0) {
          filter = piece[at++] as number;
          continue;
        }
        const part = piece.subarray(at, at + rowBytes - filled);
        current.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < rowBytes) break;
        unfilterRow(filter, current, previous, distance);
        onRow(y++, current);
        [current, previous] = [previous, current];
        filter = -1;
        filled = 0;
      }
      return at;
    },
  };
}

/**
 * Undoes a row's filter in place (https://www.w3.org/TR/png-3/#9Filters).
 *
 * @param filter 0 none, 1 sub, 2 up, 3 average, 4 Paeth
 * @param previous the unfiltered row above, zeros for the first
 * @param distance bytes from a sample to the one on its left
 * @throws {ImageError} on any other filter
 */
function unfilterRow(
  filter: number,
  row: Uint8Array,
  previous: Uint8Array,
  distance: number,
): void {
  const { length } = row;
  // One loop per filter: a call per byte takes three times as long.
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = distance; i < length; i++) {
        row[i] = (row[i] as number) + (row[i - distance] as number);
      }
      return;
    case 2:
      for (let i = 0; i < length; i++) row[i] = (row[i] as number) + (previous[i] as number);
      return;
    case 3:
      for (let i = 0; i < length; i++) {
        const left = i < distance ? 0 : (row[i - distance] as number);
        row[i] = (row[i] as number) + ((left + (previous[i] as number)) >> 1);
      }
      return;
    case 4:
      for (let i = 0; i < length; i++) {
        const left = i < distance ? 0 : (row[i - distance] as number);
        const upLeft = i < distance ? 0 : (previous[i - distance] as number);
        row[i] = (row[i] as number) + paeth(left, previous[i] as number, upLeft);
      }
      return;
    default:
      throw corrupt(`a row has the unknown filter ${filter}`);
  }
}

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft;
  const distanceLeft = Math.abs(estimate - left);
  const distanceUp = Math.abs(estimate - up);
  const distanceUpLeft = Math.abs(estimate - upLeft);
  if (distanceLeft <= distanceUp && distanceLeft <= distanceUpLeft) return left;
  return distanceUp <= distanceUpLeft ? up : upLeft;
}
