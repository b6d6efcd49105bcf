import seedrandom from 'seedrandom';
import type { Recipe } from './recipe.ts';

export type Augmentation = Pick<Recipe, 'flip' | 'shift' | 'erase'>;

/** The random changes of one image. */
export interface ImageChange {
  mirrored: boolean;
  /** Shift in pixels. */
  right: number;
  down: number;
  /** Centre of the square to blacken. */
  column: number;
  row: number;
}

/** Height, width and channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/**
 * Draws the changes of a whole batch with a seed. Each worker draws all of them and uses its part, so that they do not
 * depend on the number of workers.
 */
export function drawChanges(
  count: number,
  { shift }: Augmentation,
  [height, width]: ImageShape,
  seed: string,
): ImageChange[] {
  const random = seedrandom.alea(seed);
  const below = (end: number) => Math.floor(random() * end);
  return Array.from({ length: count }, () => ({
    mirrored: random() < 0.5,
    right: below(2 * shift + 1) - shift,
    down: below(2 * shift + 1) - shift,
    column: below(width),
    row: below(height),
  }));
}

/**
 * Copies an image, mirrored, then shifted, then with a black square of `erase` pixels, which may be partly outside ("cutout", DeVries &
 * Taylor 2017, arXiv:1708.04552). Behind a shifted image is black if it is grey, and its edge repeated if it is in colour: photos have no
 * black border.
 *
 * @param pixels row by row
 * @param target overwritten; as long as `pixels`
 */
export function augmentInto(
  target: Uint8Array,
  pixels: Uint8Array,
  shape: ImageShape,
  change: ImageChange,
  { flip, erase }: Augmentation,
): void {
  const mirrored = flip && change.mirrored;
  if (shape[2] === 1) shiftOnBlack(target, pixels, shape, change, mirrored);
  else shiftOnEdge(target, pixels, shape, change, mirrored);
  if (erase > 0) eraseSquare(target, shape, change, erase);
}

function shiftOnBlack(
  target: Uint8Array,
  pixels: Uint8Array,
  [height, width]: ImageShape,
  { right, down }: ImageChange,
  mirrored: boolean,
): void {
  const firstColumn = Math.max(0, right);
  const endColumn = Math.min(width, width + right);
  target.fill(0);
  if (firstColumn >= endColumn) return;
  for (let row = Math.max(0, down); row < Math.min(height, height + down); row++) {
    const source = (row - down) * width;
    const destination = row * width;
    if (mirrored) {
      for (let column = firstColumn; column < endColumn; column++) {
        target[destination + column] = pixels[source + width - 1 - (column - right)] as number;
      }
    } else {
      target.set(
        pixels.subarray(source + firstColumn - right, source + endColumn - right),
        destination + firstColumn,
      );
    }
  }
}

function shiftOnEdge(
  target: Uint8Array,
  pixels: Uint8Array,
  [height, width, channels]: ImageShape,
  { right, down }: ImageChange,
  mirrored: boolean,
): void {
  let to = 0;
  for (let row = 0; row < height; row++) {
    const source = within(row - down, height) * width;
    for (let column = 0; column < width; column++) {
      const shifted = within(column - right, width);
      const from = (source + (mirrored ? width - 1 - shifted : shifted)) * channels;
      for (let i = 0; i < channels; i++) target[to++] = pixels[from + i] as number;
    }
  }
}

/** The nearest place of 0..length-1. */
const within = (place: number, length: number) => Math.max(0, Math.min(length - 1, place));

function eraseSquare(
  target: Uint8Array,
  [height, width, channels]: ImageShape,
  { column, row }: ImageChange,
  size: number,
): void {
  const left = column - Math.floor(size / 2);
  const top = row - Math.floor(size / 2);
  const from = Math.max(0, left) * channels;
  const to = Math.min(width, left + size) * channels;
  for (let y = Math.max(0, top); y < Math.min(height, top + size); y++) {
    target.fill(0, y * width * channels + from, y * width * channels + to);
  }
}
