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
 * Copies an image, mirrored, then shifted with black behind it, then with a black square of `erase` pixels, which may be
 * partly outside ("cutout", DeVries & Taylor 2017, arXiv:1708.04552).
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
  const [height, width, channels] = shape;
  const rowLength = width * channels;
  const mirrored = flip && change.mirrored;
  const { right, down } = change;
  const firstColumn = Math.max(0, right);
  const endColumn = Math.min(width, width + right);
  target.fill(0);
  if (firstColumn >= endColumn) return;
  for (let row = Math.max(0, down); row < Math.min(height, height + down); row++) {
    const source = (row - down) * rowLength;
    const destination = row * rowLength;
    if (mirrored) {
      for (let column = firstColumn; column < endColumn; column++) {
        const from = source + (width - 1 - (column - right)) * channels;
        const to = destination + column * channels;
        for (let channel = 0; channel < channels; channel++) {
          target[to + channel] = pixels[from + channel] as number;
        }
      }
    } else {
      target.set(
        pixels.subarray(
          source + (firstColumn - right) * channels,
          source + (endColumn - right) * channels,
        ),
        destination + firstColumn * channels,
      );
    }
  }
  if (erase > 0) eraseSquare(target, shape, change, erase);
}

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
