/** Garments for augment-photo.ts: cut out of their image, and moved. */
import { sizeOfGarment } from '../../shared/image/fit-garment.ts';
import type { Random } from './photo-random.ts';
import { addNoise, newPlane, side } from './photo-texture.ts';

/** A garment without background. Both planes are 28x28, row by row. */
export interface Garment {
  /** Cover x brightness, 0..1. */
  light: Float32Array;
  /** The share of each pixel that the garment covers, 0..1. */
  cover: Float32Array;
}

export const newGarment = (): Garment => ({ light: newPlane(), cover: newPlane() });

/** Pixels up to this level are background. */
const maxBackground = 12;

const grown = new Uint8Array((side + 4) ** 2);
const outside = new Uint8Array((side + 4) ** 2);
const waiting = new Uint16Array((side + 4) ** 2);

/** Cuts out the garment of an image, light on black: what is not black, with gaps of a pixel closed and holes filled. */
export function cutOut(pixels: Uint8Array, garment: Garment): void {
  const wide = side + 4;
  grown.fill(0);
  for (let i = 0; i < pixels.length; i++) {
    if ((pixels[i] as number) <= maxBackground) continue;
    const at = (Math.floor(i / side) + 2) * wide + (i % side) + 2;
    grown[at] = 1;
    grown[at - 1] = 1;
    grown[at + 1] = 1;
    grown[at - wide] = 1;
    grown[at + wide] = 1;
  }
  floodOutside(wide);
  for (let i = 0; i < pixels.length; i++) {
    const at = (Math.floor(i / side) + 2) * wide + (i % side) + 2;
    // Shrink what was grown, but not into holes, which are not outside.
    const isGarment = !(
      outside[at] ||
      outside[at - 1] ||
      outside[at + 1] ||
      outside[at - wide] ||
      outside[at + wide]
    );
    garment.cover[i] = isGarment ? 1 : 0;
    garment.light[i] = isGarment ? (pixels[i] as number) / 255 : 0;
  }
}

/** Marks what the frame's corner reaches without entering what is grown. */
function floodOutside(wide: number): void {
  outside.fill(0);
  let end = 0;
  const reach = (at: number) => {
    if (outside[at] !== 0 || grown[at] !== 0) return;
    outside[at] = 1;
    waiting[end++] = at;
  };
  reach(0);
  for (let next = 0; next < end; next++) {
    const at = waiting[next] as number;
    const x = at % wide;
    // Beyond the first and last row there is no element: it is undefined, not 0.
    reach(at - wide);
    reach(at + wide);
    if (x > 0) reach(at - 1);
    if (x < wide - 1) reach(at + 1);
  }
}

/** The source of each pixel of the result, in units of half an image from its middle: [x, y, 1] times this matrix. */
export type Affine = readonly [
  xx: number,
  xy: number,
  x1: number,
  yx: number,
  yy: number,
  y1: number,
];

/** How a garment is bent: planes that are added to the source's coordinates, and its taper towards the top. */
export interface Bend {
  right: Float32Array;
  down: Float32Array;
  taper: number;
}

/** Draws a garment moved by a matrix over what the result has. Values between pixels are interpolated; outside is nothing. */
function drawMoved(from: Garment, to: Garment, matrix: Affine, bend: Bend | null): void {
  const [xx, xy, x1, yx, yy, y1] = matrix;
  const half = side / 2;
  for (let row = 0, i = 0; row < side; row++) {
    const y = (row + 0.5) / half - 1;
    for (let column = 0; column < side; column++, i++) {
      const x = (column + 0.5) / half - 1;
      let sourceX = xx * x + xy * y + x1;
      let sourceY = yx * x + yy * y + y1;
      if (bend) {
        sourceX = sourceX * (1 + bend.taper * sourceY) + (bend.right[i] as number);
        sourceY += bend.down[i] as number;
      }
      drawSample(from, to, i, (sourceX + 1) * half - 0.5, (sourceY + 1) * half - 0.5);
    }
  }
}

function drawSample(from: Garment, to: Garment, i: number, column: number, row: number): void {
  const left = Math.floor(column);
  const top = Math.floor(row);
  if (left < -1 || top < -1 || left >= side || top >= side) return;
  const right = column - left;
  const bottom = row - top;
  let light = 0;
  let cover = 0;
  for (let corner = 0; corner < 4; corner++) {
    const x = left + (corner & 1);
    const y = top + (corner >> 1);
    if (x < 0 || y < 0 || x >= side || y >= side) continue;
    const part = from.cover[y * side + x] as number;
    if (part === 0) continue;
    const weight = (corner > 1 ? bottom : 1 - bottom) * (corner & 1 ? right : 1 - right);
    light += weight * (from.light[y * side + x] as number);
    cover += weight * part;
  }
  if (cover === 0) return;
  to.light[i] = light + (to.light[i] as number) * (1 - cover);
  to.cover[i] = cover + (to.cover[i] as number) * (1 - cover);
}

/** Lays a shoe beside or above its mirror image, as pairs are photographed. */
export function layPair(shoe: Garment, pair: Garment, random: Random): void {
  const quarter = random.happens(0.6) ? Math.PI / 2 : 0;
  const turn = (random.happens(0.5) ? -quarter : quarter) + 0.15 * random.normal();
  const isUpright = Math.abs(turn) > 0.8;
  const offset = random.uniform(0.35, 0.5);
  const scale = random.uniform(1.15, 1.7);
  const isMirrored = random.happens(0.7);
  clear(pair);
  for (const place of [-1, 1]) {
    const angle = turn + 0.15 * random.normal();
    const cos = scale * Math.cos(angle);
    const sin = scale * Math.sin(angle);
    const flip = isMirrored && place === 1 ? -1 : 1;
    const [x, y] = isUpright ? [place * offset, 0] : [0, 0.8 * place * offset];
    const matrix = [
      cos,
      -sin,
      sin * y - cos * x,
      sin * flip,
      cos * flip,
      -flip * (sin * x + cos * y),
    ] as const;
    drawMoved(shoe, pair, matrix, null);
  }
}

export interface MoveOptions {
  /** Whether any angle may occur, as for shoes that lie on a floor. */
  turnsFreely: boolean;
  /** Whether the result fills the image as isolate.ts makes it, apart from a small error. */
  fits: boolean;
}

const bend: Bend = { right: newPlane(), down: newPlane(), taper: 0 };

/** Turns, scales, stretches, mirrors, shifts and bends a garment. */
export function move(
  from: Garment,
  to: Garment,
  { turnsFreely, fits }: MoveOptions,
  random: Random,
): void {
  const angle = turnsFreely ? random.uniform(-Math.PI, Math.PI) : 0.2 * random.normal();
  const scale = Math.exp(random.uniform(-0.05, 0.45));
  const aspect = Math.exp(0.15 * random.normal());
  const scaleX = scale * Math.sqrt(aspect);
  const scaleY = scale / Math.sqrt(aspect);
  const flip = random.happens(0.5) ? -1 : 1;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const x1 = 0.12 * random.normal();
  const y1 = 0.12 * random.normal();
  const matrix = [
    scaleX * cos * flip,
    -scaleY * sin,
    x1,
    scaleX * sin * flip,
    scaleY * cos,
    y1,
  ] as const;
  const strength = random.uniform(0, 0.07);
  bend.taper = 0.12 * random.normal();
  bend.right.fill(0);
  bend.down.fill(0);
  addNoise(bend.right, 5, strength, random);
  addNoise(bend.down, 5, strength, random);
  clear(to);
  drawMoved(from, to, matrix, bend);
  if (!fits) return;
  const fitting = fitOf(to, random);
  clear(to);
  drawMoved(from, to, after(matrix, fitting), bend);
}

function clear({ light, cover }: Garment): void {
  light.fill(0);
  cover.fill(0);
}

/** Returns the matrix that applies `second` to what `first` gives. */
function after(first: Affine, second: Affine): Affine {
  const [a, b, c, d, e, f] = first;
  const [xx, xy, x1, yx, yy, y1] = second;
  return [
    a * xx + b * yx,
    a * xy + b * yy,
    a * x1 + b * y1 + c,
    d * xx + e * yx,
    d * xy + e * yy,
    d * x1 + e * y1 + f,
  ];
}

/** Returns the matrix that trims a garment, fits its longer edge to the image and centres it, with an error. */
function fitOf({ cover }: Garment, random: Random): Affine {
  let [left, right, top, bottom] = [side, -1, side, -1];
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      if ((cover[i] as number) < 0.5) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  const width = Math.max(2, right - left + 1);
  const height = Math.max(2, bottom - top + 1);
  const fitted = sizeOfGarment(width, height, side, side);
  const excess = Math.exp(random.uniform(-0.04, 0.16));
  const x1 = (left + right + 1) / side - 1 + 0.03 * random.normal();
  const y1 = (top + bottom + 1) / side - 1 + 0.03 * random.normal();
  return [(excess * width) / fitted.width, 0, x1, 0, (excess * height) / fitted.height, y1];
}
