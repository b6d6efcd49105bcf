/** Finds images in two parts of a data set that show the same picture: saved again, resized or compressed otherwise. */
import type { ImageSet, ImageShape } from './dataset.ts';
import { imageIn } from './image-set.ts';

/** A picture's fingerprint compares neighbours on a grid of this many rows and columns: 64 bits. */
const gridSize = 8;
/** Each side's points of a cell of the grid that are averaged. */
const pointsPerCell = 4;
/** Only pictures that agree in one of these parts of the fingerprint, 16 bits each, are compared pixel by pixel. */
const bands = 4;
/** Pictures with a common band that are compared: in plain drawings a band is the same for many. */
const maxPerBand = 20;
/** The mean difference of pixels, of 255, up to which two pictures are the same: compressing a JPEG again changes about 2. */
const maxDifference = 3;
/** The share of the picture's own contrast that this difference may be. A flat picture resembles every other flat one. */
const maxShareOfContrast = 0.1;

/** An image of a later set, and one of the earlier set that shows the same. */
interface Pair {
  image: number;
  sameAs: number;
}

/**
 * Reads a set of images once, so that others can be compared with it.
 *
 * @returns a function that finds the images of a later set that show the same as an earlier one, by their pixels as input of the
 * network. The pairs are in the order of the later set
 */
export function openNearDuplicates(
  shape: ImageShape,
  earlier: ImageSet,
): (later: ImageSet) => Pair[] {
  const byBand = Array.from({ length: bands }, () => new Map<number, number[]>());
  for (let i = 0; i < earlier.count; i++) {
    for (const [band, value] of fingerprint(shape, imageIn(earlier, i)).entries()) {
      const map = byBand[band] as Map<number, number[]>;
      const known = map.get(value);
      if (!known) map.set(value, [i]);
      else if (known.length < maxPerBand) known.push(i);
    }
  }
  return (later) => {
    const pairs: Pair[] = [];
    for (let image = 0; image < later.count; image++) {
      const pixels = imageIn(later, image);
      const candidates = new Set(
        fingerprint(shape, pixels).flatMap((value, band) => byBand[band]?.get(value) ?? []),
      );
      const sameAs = [...candidates].find((candidate) => {
        const other = imageIn(earlier, candidate);
        return (
          differLess(pixels, other, maxDifference) &&
          differLess(pixels, other, maxShareOfContrast * contrastOf(pixels))
        );
      });
      if (sameAs !== undefined) pairs.push({ image, sameAs });
    }
    return pairs;
  };
}

/**
 * Returns whether each cell of a grid is lighter than its right neighbour ("dHash", Krawetz 2013), in bands of 16 bits. JPEG's noise and
 * another size change few bits.
 */
function fingerprint(shape: ImageShape, pixels: Uint8Array): number[] {
  const { height, width, channels = 1 } = shape;
  const columns = gridSize + 1;
  const cells = new Float64Array(gridSize * columns);
  const side = (cell: number, point: number, cells: number, length: number) =>
    Math.floor(((cell + (point + 0.5) / pointsPerCell) * length) / cells);
  for (let row = 0; row < gridSize; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let down = 0; down < pointsPerCell; down++) {
        const y = side(row, down, gridSize, height);
        for (let across = 0; across < pointsPerCell; across++) {
          const at = (y * width + side(column, across, columns, width)) * channels;
          for (let i = 0; i < channels; i++) sum += pixels[at + i] as number;
        }
      }
      cells[row * columns + column] = sum;
    }
  }
  const values = new Array<number>(bands).fill(0);
  for (let bit = 0; bit < gridSize * gridSize; bit++) {
    const at = Math.floor(bit / gridSize) * columns + (bit % gridSize);
    if ((cells[at] as number) <= (cells[at + 1] as number)) continue;
    const band = Math.floor((bit * bands) / (gridSize * gridSize));
    values[band] = (values[band] as number) | (1 << (bit % (64 / bands)));
  }
  return values;
}

/** The standard deviation of all values. */
function contrastOf(pixels: Uint8Array): number {
  let sum = 0;
  let squares = 0;
  for (const level of pixels) {
    sum += level;
    squares += level * level;
  }
  const mean = sum / pixels.length;
  return Math.sqrt(Math.max(0, squares / pixels.length - mean * mean));
}

/** Values that are compared at a time, and how many such pieces apart the next is. */
const [pieceLength, piecesApart] = [64, 16];

/** Whether the mean difference of two images' values is at most `limit`. Looks all over the images first: backgrounds are often alike. */
function differLess(a: Uint8Array, b: Uint8Array, limit: number): boolean {
  const most = limit * a.length;
  const step = piecesApart * pieceLength;
  let sum = 0;
  for (let first = 0; first < step; first += pieceLength) {
    for (let from = first; from < a.length; from += step) {
      const to = Math.min(a.length, from + pieceLength);
      for (let i = from; i < to; i++) sum += Math.abs((a[i] as number) - (b[i] as number));
      if (sum > most) return false;
    }
  }
  return true;
}
