import { padImages } from './image';
import { multiplyAdd } from './vector';

/**
 * 3x3 convolution with stride 1 and its gradients by Winograd's F(4x4, 3x3) (Lavin & Gray 2016, arXiv:1509.09308): a tile of 4x4 outputs
 * takes 36 products instead of 144.
 */

/** Numbers of a transformed 6x6 tile. */
export const POINTS: usize = 36;
/** Bytes of the tiles and their products that one pass may take: most of the second-level cache. */
const PASS_BYTES: i32 = 786_432;
/** Bytes of the vectors of one tile between the two halves of a transform. */
export const TILE_BYTES: usize = 16 * 36;
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
    TILE_BYTES +
    frameBytes(height, width, inChannels) +
    POINTS * (pointBytes(tiles, inChannels) + pointBytes(tiles, outChannels)) +
    POINTS * ((<usize>(inChannels * outChannels)) << 2)
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
    for (let at: usize = 0; at < pixel; at += 16) {
      let from = corner + at;
      for (let to = scratch; to < scratch + 96; to += 16) {
        spreadInput(
          v128.load(from), v128.load(from + row), v128.load(from + row * 2),
          v128.load(from + row * 3), v128.load(from + row * 4), v128.load(from + row * 5), to, 96,
        );
        from += pixel;
      }
      let to = target;
      for (let half = scratch; half < scratch + TILE_BYTES; half += 96) {
        spreadInput(
          v128.load(half), v128.load(half, 16), v128.load(half, 32),
          v128.load(half, 48), v128.load(half, 64), v128.load(half, 80), to, point,
        );
        to += point * 6;
      }
      target += 16;
    }
  }
}

/** Bᵀ: six numbers to six points. */
// @ts-ignore: decorator
@inline
function spreadInput(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  const four = f32x4.splat(4);
  const minusFive = f32x4.splat(-5);
  const even = f32x4.sub(d4, f32x4.mul(d2, four));
  const odd = f32x4.sub(d3, f32x4.mul(d1, four));
  const wideEven = f32x4.sub(d4, d2);
  let wideOdd = f32x4.sub(d3, d1);
  wideOdd = f32x4.add(wideOdd, wideOdd);
  v128.store(to, multiplyAdd(d0, four, multiplyAdd(d2, minusFive, d4)));
  v128.store(to + step, f32x4.add(even, odd));
  v128.store(to + step * 2, f32x4.sub(even, odd));
  v128.store(to + step * 3, f32x4.add(wideEven, wideOdd));
  v128.store(to + step * 4, f32x4.sub(wideEven, wideOdd));
  v128.store(to + step * 5, multiplyAdd(d1, four, multiplyAdd(d3, minusFive, d5)));
}
