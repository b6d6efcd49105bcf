import { PANEL, multiplyAdd, storePair } from './vector';
import { gatherFilter } from './winograd-large-filter';
import { addOuterProducts } from './winograd-large-products';
import { PAIR, POINTS, SCRATCH_BYTES, TILE_BYTES, TILE_ROW, filterPointBytes, frameBytes, pointBytes, tilesPerPass, transformInputs } from './winograd-large-tiles';

/**
 * The filter gradient: x [images, height, width, inChannels], dy [images, height, width, outChannels] -> dfilter [3, 3, inChannels, outChannels].
 *
 * @param inChannels a multiple of 4
 * @param outChannels a multiple of 8
 */
export function filterGradientByLargeTiles(
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  dy: usize,
  outChannels: i32,
  scratch: usize,
  dfilter: usize,
): void {
  const tileRows = (height + 3) >> 2;
  const tileColumns = (width + 3) >> 2;
  const perPass = tilesPerPass(images, tileRows, tileColumns, inChannels + outChannels);
  const inPoint = pointBytes(perPass, inChannels);
  const outPoint = pointBytes(perPass, outChannels);
  const frame = scratch + SCRATCH_BYTES;
  const tiles = frame + frameBytes(height, width, inChannels);
  const slopes = tiles + inPoint * POINTS;
  const sums = slopes + outPoint * POINTS;
  const filterBytes = filterPointBytes(inChannels, outChannels);
  const all = images * tileRows * tileColumns;
  memory.fill(sums, 0, filterBytes * POINTS);
  for (let first = 0; first < all; first += perPass) {
    const count = min(perPass, all - first);
    transformInputs(x, height, width, inChannels, first, count, frame, scratch, tiles, inPoint);
    transformSlopes(dy, height, width, outChannels, first, count, scratch, slopes, outPoint);
    for (let point: usize = 0; point < POINTS; point++) {
      addOuterProducts(tiles + inPoint * point, count, inChannels, slopes + outPoint * point, outChannels, sums + filterBytes * point);
    }
  }
  gatherFilter(sums, inChannels, outChannels, scratch, dfilter);
}

/** A dy Aᵀ of tiles `first` to `first + count`, in panels: [36][channels / 8][tile][8] */
function transformSlopes(
  dy: usize,
  height: i32,
  width: i32,
  channels: i32,
  first: i32,
  count: i32,
  scratch: usize,
  target: usize,
  point: usize,
): void {
  const tileRows = (height + 3) >> 2;
  const tileColumns = (width + 3) >> 2;
  const perImage = tileRows * tileColumns;
  const pixel = <usize>channels << 2;
  const row = <usize>width * pixel;
  const panelBytes = <usize>count << 5;
  for (let tile = 0; tile < count; tile++) {
    const image = (first + tile) / perImage;
    const inImage = first + tile - image * perImage;
    const top = (inImage / tileColumns) * 4;
    const left = (inImage % tileColumns) * 4;
    const rows = min(4, height - top);
    const columns = min(4, width - left);
    const corner = dy + <usize>((image * height + top) * width + left) * pixel;
    const isWhole = rows == 4 && columns == 4;
    for (let channel = 0; channel < channels; channel += PANEL) {
      let from = corner + (<usize>channel << 2);
      if (!isWhole) {
        copyTile(from, row, pixel, rows, columns, scratch + TILE_BYTES);
        from = scratch + TILE_BYTES;
      }
      const fromRow = isWhole ? row : PAIR * 4;
      const fromPixel = isWhole ? pixel : PAIR;
      for (let to = scratch; to < scratch + PAIR * 4; to += PAIR) {
        spreadSlope(from, fromRow, to, TILE_ROW);
        from += fromPixel;
      }
      let to = target + <usize>(channel / PANEL) * panelBytes + <usize>tile * PAIR;
      for (let half = scratch; half < scratch + TILE_BYTES; half += TILE_ROW) {
        spreadSlope(half, PAIR, to, point);
        to += point * 6;
      }
    }
  }
}

/** Copies eight channels of a tile of which the last rows or columns are outside the image, and become 0. */
function copyTile(from: usize, row: usize, pixel: usize, rows: i32, columns: i32, target: usize): void {
  memory.fill(target, 0, PAIR * 16);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const source = from + <usize>y * row + <usize>x * pixel;
      storePair(target + <usize>(y * 4 + x) * PAIR, v128.load(source), v128.load(source, 16));
    }
  }
}

/** A: four numbers to six points, of eight channels. */
// @ts-ignore: decorator
@inline
function spreadSlope(from: usize, fromStep: usize, to: usize, step: usize): void {
  const a0 = v128.load(from);
  const b0 = v128.load(from, 16);
  const a1 = v128.load(from + fromStep);
  const b1 = v128.load(from + fromStep, 16);
  const a2 = v128.load(from + fromStep * 2);
  const b2 = v128.load(from + fromStep * 2, 16);
  const a3 = v128.load(from + fromStep * 3);
  const b3 = v128.load(from + fromStep * 3, 16);
  const evenA = f32x4.add(a0, a2);
  const evenB = f32x4.add(b0, b2);
  const oddA = f32x4.add(a1, a3);
  const oddB = f32x4.add(b1, b3);
  const wideEvenA = multiplyAdd(a2, f32x4.splat(4), a0);
  const wideEvenB = multiplyAdd(b2, f32x4.splat(4), b0);
  const wideOddA = multiplyAdd(a3, f32x4.splat(8), f32x4.add(a1, a1));
  const wideOddB = multiplyAdd(b3, f32x4.splat(8), f32x4.add(b1, b1));
  storePair(to, a0, b0);
  storePair(to + step, f32x4.add(evenA, oddA), f32x4.add(evenB, oddB));
  storePair(to + step * 2, f32x4.sub(evenA, oddA), f32x4.sub(evenB, oddB));
  storePair(to + step * 3, f32x4.add(wideEvenA, wideOddA), f32x4.add(wideEvenB, wideOddB));
  storePair(to + step * 4, f32x4.sub(wideEvenA, wideOddA), f32x4.sub(wideEvenB, wideOddB));
  storePair(to + step * 5, a3, b3);
}
