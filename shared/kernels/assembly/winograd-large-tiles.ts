import { padImages } from './image';
import { multiplyAdd, storePair } from './vector';

/**
 * 3x3 convolution with stride 1 and its gradients by Winograd's F(4x4, 3x3) (Lavin & Gray 2016, arXiv:1509.09308): a tile of 4x4 outputs
 * takes 36 products instead of 144.
 */

/** Numbers of a transformed 6x6 tile. */
export const POINTS: usize = 36;
/** Bytes of the tiles and their products that one pass may take: most of the second-level cache. */
const PASS_BYTES: i32 = 786_432;
/** Channels that are transformed at once, and their bytes: a pair of vectors, which V8 can join (docs/12-how-it-works.md). */
export const PAIR: usize = 32;
/** Bytes of one tile of that many channels between the two halves of a transform, and of one of its rows. */
export const TILE_BYTES: usize = PAIR * 36;
export const TILE_ROW: usize = PAIR * 6;
/** Bytes for that and a copy of a tile of 4x4 pixels. */
export const SCRATCH_BYTES: usize = TILE_BYTES + PAIR * 16;
/** Added between points, as otherwise all points of a tile would share a few lines of the first-level cache. */
const SKEW: usize = 64;

/** Tiles of a pass, a multiple of 4: those of whole images, or of whole rows of an image's tiles. */
export function tilesPerPass(images: i32, tileRows: i32, tileColumns: i32, channels: i32): i32 {
  const wanted = max(4, PASS_BYTES / (<i32>POINTS * 4 * channels));
  const perImage = tileRows * tileColumns;
  const rows = max(1, wanted / tileColumns);
  const whole = perImage <= wanted ? min(images, wanted / perImage) * perImage : min(tileRows, rows) * tileColumns;
  return (whole + 3) & ~3;
}

// @ts-ignore: decorator
@inline
export function pointBytes(tiles: i32, channels: i32): usize {
  return ((<usize>(tiles * channels)) << 2) + SKEW;
}

/** The distance between points of a transformed filter. */
// @ts-ignore: decorator
@inline
export function filterPointBytes(inChannels: i32, outChannels: i32): usize {
  return ((<usize>(inChannels * outChannels)) << 2) + SKEW;
}

/** Bytes of a transformed filter. */
export function largeTilesFilterBytes(inChannels: i32, outChannels: i32): usize {
  return POINTS * filterPointBytes(inChannels, outChannels);
}

export function frameBytes(height: i32, width: i32, channels: i32): usize {
  return <usize>((((height + 3) & ~3) + 2) * (((width + 3) & ~3) + 2) * channels) << 2;
}

/** Bytes of scratch memory that convolveByLargeTiles and filterGradientByLargeTiles take. */
export function largeTilesScratchBytes(
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  outChannels: i32,
): usize {
  const tiles = tilesPerPass(images, (height + 3) >> 2, (width + 3) >> 2, inChannels + outChannels);
  return (
    SCRATCH_BYTES +
    frameBytes(height, width, inChannels) +
    POINTS * (pointBytes(tiles, inChannels) + pointBytes(tiles, outChannels)) +
    largeTilesFilterBytes(inChannels, outChannels)
  );
}

/** V = Bᵀ d B of tiles `first` to `first + count`: [36][tile][channel] */
export function transformInputs(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  first: i32,
  count: i32,
  frame: usize,
  scratch: usize,
  target: usize,
  point: usize,
): void {
  const tileRows = (height + 3) >> 2;
  const tileColumns = (width + 3) >> 2;
  const perImage = tileRows * tileColumns;
  const frameHeight = tileRows * 4 + 2;
  const frameWidth = tileColumns * 4 + 2;
  const pixel = <usize>channels << 2;
  const row = <usize>frameWidth * pixel;
  let padded = -1;
  for (let tile = first; tile < first + count; tile++) {
    const image = tile / perImage;
    const inImage = tile - image * perImage;
    if (image != padded) {
      const source = x + <usize>(image * height * width) * pixel;
      padImages(source, 1, height, width, channels, 1, 1, frameHeight, frameWidth, frame);
      padded = image;
    }
    const tileRow = inImage / tileColumns;
    const corner = frame + <usize>(tileRow * 4) * row + <usize>((inImage - tileRow * tileColumns) * 4) * pixel;
    for (let at: usize = 0; at < pixel; at += PAIR) {
      let from = corner + at;
      for (let to = scratch; to < scratch + TILE_ROW; to += PAIR) {
        spreadInput(from, row, to, TILE_ROW);
        from += pixel;
      }
      let to = target;
      for (let half = scratch; half < scratch + TILE_BYTES; half += TILE_ROW) {
        spreadInput(half, PAIR, to, point);
        to += point * 6;
      }
      target += PAIR;
    }
  }
}

/** Bᵀ: six numbers to six points, of eight channels. */
// @ts-ignore: decorator
@inline
function spreadInput(from: usize, fromStep: usize, to: usize, step: usize): void {
  const four = f32x4.splat(4);
  const minusFive = f32x4.splat(-5);
  const a0 = v128.load(from);
  const b0 = v128.load(from, 16);
  const a1 = v128.load(from + fromStep);
  const b1 = v128.load(from + fromStep, 16);
  const a2 = v128.load(from + fromStep * 2);
  const b2 = v128.load(from + fromStep * 2, 16);
  const a3 = v128.load(from + fromStep * 3);
  const b3 = v128.load(from + fromStep * 3, 16);
  const a4 = v128.load(from + fromStep * 4);
  const b4 = v128.load(from + fromStep * 4, 16);
  const a5 = v128.load(from + fromStep * 5);
  const b5 = v128.load(from + fromStep * 5, 16);
  const evenA = f32x4.sub(a4, f32x4.mul(a2, four));
  const evenB = f32x4.sub(b4, f32x4.mul(b2, four));
  const oddA = f32x4.sub(a3, f32x4.mul(a1, four));
  const oddB = f32x4.sub(b3, f32x4.mul(b1, four));
  const wideEvenA = f32x4.sub(a4, a2);
  const wideEvenB = f32x4.sub(b4, b2);
  let wideOddA = f32x4.sub(a3, a1);
  let wideOddB = f32x4.sub(b3, b1);
  wideOddA = f32x4.add(wideOddA, wideOddA);
  wideOddB = f32x4.add(wideOddB, wideOddB);
  storePair(
    to,
    multiplyAdd(a0, four, multiplyAdd(a2, minusFive, a4)),
    multiplyAdd(b0, four, multiplyAdd(b2, minusFive, b4)),
  );
  storePair(to + step, f32x4.add(evenA, oddA), f32x4.add(evenB, oddB));
  storePair(to + step * 2, f32x4.sub(evenA, oddA), f32x4.sub(evenB, oddB));
  storePair(to + step * 3, f32x4.add(wideEvenA, wideOddA), f32x4.add(wideEvenB, wideOddB));
  storePair(to + step * 4, f32x4.sub(wideEvenA, wideOddA), f32x4.sub(wideEvenB, wideOddB));
  storePair(
    to + step * 5,
    multiplyAdd(a1, four, multiplyAdd(a3, minusFive, a5)),
    multiplyAdd(b1, four, multiplyAdd(b3, minusFive, b5)),
  );
}
