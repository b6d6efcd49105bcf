import { multiplyAdd, storePair } from './vector';
import { multiplyPoint } from './winograd-large-products';
import { PAIR, POINTS, SCRATCH_BYTES, TILE_ROW, filterPointBytes, frameBytes, pointBytes, tilesPerPass, transformInputs } from './winograd-large-tiles';

/**
 * x [images, height, width, inChannels] -> out [images, height, width, outChannels], with zero padding of 1.
 *
 * @param filter from largeTilesFilter
 * @param inChannels a multiple of 4
 * @param outChannels a multiple of 8
 * @param bias outChannels floats, or 0 for none
 * @param lowest, highest of the activation
 */
export function convolveByLargeTiles(
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  filter: usize,
  outChannels: i32,
  bias: usize,
  lowest: f32,
  highest: f32,
  scratch: usize,
  out: usize,
): void {
  const tileRows = (height + 3) >> 2;
  const tileColumns = (width + 3) >> 2;
  const perPass = tilesPerPass(images, tileRows, tileColumns, inChannels + outChannels);
  const inPoint = pointBytes(perPass, inChannels);
  const outPoint = pointBytes(perPass, outChannels);
  const frame = scratch + SCRATCH_BYTES;
  const tiles = frame + frameBytes(height, width, inChannels);
  const products = tiles + inPoint * POINTS;
  const all = images * tileRows * tileColumns;
  const filterBytes = filterPointBytes(inChannels, outChannels);
  for (let first = 0; first < all; first += perPass) {
    const count = min(perPass, all - first);
    transformInputs(x, height, width, inChannels, first, count, frame, scratch, tiles, inPoint);
    for (let point: usize = 0; point < POINTS; point++) {
      multiplyPoint(tiles + inPoint * point, count, inChannels, filter + filterBytes * point, outChannels, products + outPoint * point);
    }
    transformOutputs(products, outPoint, height, width, outChannels, first, count, bias, lowest, highest, scratch, out);
  }
}

/** clamp(Aᵀ m A + bias) of tiles `first` to `first + count`. Pixels outside the image are dropped. */
function transformOutputs(
  products: usize,
  point: usize,
  height: i32,
  width: i32,
  channels: i32,
  first: i32,
  count: i32,
  bias: usize,
  lowest: f32,
  highest: f32,
  scratch: usize,
  out: usize,
): void {
  const tileRows = (height + 3) >> 2;
  const tileColumns = (width + 3) >> 2;
  const perImage = tileRows * tileColumns;
  const pixel = <usize>channels << 2;
  const outRow = <usize>width * pixel;
  const floor = f32x4.splat(lowest);
  const ceiling = f32x4.splat(highest);
  for (let tile = first; tile < first + count; tile++) {
    const image = tile / perImage;
    const inImage = tile - image * perImage;
    const row = (inImage / tileColumns) * 4;
    const column = (inImage % tileColumns) * 4;
    const rows = <usize>min(4, height - row);
    const columns = min(4, width - column);
    const corner = out + <usize>((image * height + row) * width + column) * pixel;
    for (let at: usize = 0; at < pixel; at += PAIR) {
      let from = products;
      for (let to = scratch; to < scratch + TILE_ROW; to += PAIR) {
        gather(from, point * 6, to, TILE_ROW);
        from += point;
      }
      // Without a branch, after which V8 would not join the two vectors.
      const hasBias = i32x4.splat(bias ? -1 : 0);
      const start = bias ? bias + at : scratch;
      const offsetA = v128.and(hasBias, v128.load(start));
      const offsetB = v128.and(hasBias, v128.load(start, 16));
      let target = corner + at;
      const end = scratch + rows * TILE_ROW;
      for (let half = scratch; half < end; half += TILE_ROW) {
        storePixels(half, offsetA, offsetB, floor, ceiling, columns, target, pixel);
        target += outRow;
      }
      products += PAIR;
    }
  }
}

/** Aᵀ: six points to four numbers, of eight channels. */
// @ts-ignore: decorator
@inline
function gather(from: usize, fromStep: usize, to: usize, step: usize): void {
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
  const nearA = f32x4.add(a1, a2);
  const nearB = f32x4.add(b1, b2);
  const farA = f32x4.add(a3, a4);
  const farB = f32x4.add(b3, b4);
  const nearOddA = f32x4.sub(a1, a2);
  const nearOddB = f32x4.sub(b1, b2);
  const farOddA = f32x4.sub(a3, a4);
  const farOddB = f32x4.sub(b3, b4);
  storePair(to, f32x4.add(f32x4.add(a0, nearA), farA), f32x4.add(f32x4.add(b0, nearB), farB));
  storePair(
    to + step,
    multiplyAdd(farOddA, f32x4.splat(2), nearOddA),
    multiplyAdd(farOddB, f32x4.splat(2), nearOddB),
  );
  storePair(to + step * 2, multiplyAdd(farA, f32x4.splat(4), nearA), multiplyAdd(farB, f32x4.splat(4), nearB));
  storePair(
    to + step * 3,
    multiplyAdd(farOddA, f32x4.splat(8), f32x4.add(nearOddA, a5)),
    multiplyAdd(farOddB, f32x4.splat(8), f32x4.add(nearOddB, b5)),
  );
}

/** The same, with bias and activation, to up to four pixels. */
// @ts-ignore: decorator
@inline
function storePixels(
  from: usize,
  offsetA: v128,
  offsetB: v128,
  floor: v128,
  ceiling: v128,
  columns: i32,
  target: usize,
  pixel: usize,
): void {
  const fromStep = PAIR;
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
  const nearA = f32x4.add(a1, a2);
  const nearB = f32x4.add(b1, b2);
  const farA = f32x4.add(a3, a4);
  const farB = f32x4.add(b3, b4);
  const nearOddA = f32x4.sub(a1, a2);
  const nearOddB = f32x4.sub(b1, b2);
  const farOddA = f32x4.sub(a3, a4);
  const farOddB = f32x4.sub(b3, b4);
  const y0A = f32x4.add(f32x4.add(f32x4.add(a0, offsetA), nearA), farA);
  const y0B = f32x4.add(f32x4.add(f32x4.add(b0, offsetB), nearB), farB);
  const y1A = multiplyAdd(farOddA, f32x4.splat(2), f32x4.add(nearOddA, offsetA));
  const y1B = multiplyAdd(farOddB, f32x4.splat(2), f32x4.add(nearOddB, offsetB));
  const y2A = multiplyAdd(farA, f32x4.splat(4), f32x4.add(nearA, offsetA));
  const y2B = multiplyAdd(farB, f32x4.splat(4), f32x4.add(nearB, offsetB));
  const y3A = multiplyAdd(farOddA, f32x4.splat(8), f32x4.add(f32x4.add(nearOddA, a5), offsetA));
  const y3B = multiplyAdd(farOddB, f32x4.splat(8), f32x4.add(f32x4.add(nearOddB, b5), offsetB));
  storeClamped(target, y0A, y0B, floor, ceiling);
  if (columns > 1) storeClamped(target + pixel, y1A, y1B, floor, ceiling);
  if (columns > 2) storeClamped(target + pixel * 2, y2A, y2B, floor, ceiling);
  if (columns > 3) storeClamped(target + pixel * 3, y3A, y3B, floor, ceiling);
}

// @ts-ignore: decorator
@inline
function storeClamped(target: usize, a: v128, b: v128, floor: v128, ceiling: v128): void {
  storePair(target, f32x4.pmin(ceiling, f32x4.pmax(floor, a)), f32x4.pmin(ceiling, f32x4.pmax(floor, b)));
}
