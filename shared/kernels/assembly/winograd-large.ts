import { multiplyAdd } from './vector';
import { multiplyPoint } from './winograd-large-products';
import { POINTS, TILE_BYTES, frameBytes, pointBytes, tilesPerPass, transformInputs } from './winograd-large-tiles';

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
  const frame = scratch + TILE_BYTES;
  const tiles = frame + frameBytes(height, width, inChannels);
  const products = tiles + inPoint * POINTS;
  const all = images * tileRows * tileColumns;
  const filterBytes = (<usize>(inChannels * outChannels)) << 2;
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
    for (let at: usize = 0; at < pixel; at += 16) {
      let from = products;
      for (let to = scratch; to < scratch + 96; to += 16) {
        gather(
          v128.load(from), v128.load(from + point * 6), v128.load(from + point * 12),
          v128.load(from + point * 18), v128.load(from + point * 24), v128.load(from + point * 30), to,
        );
        from += point;
      }
      const offset = bias ? v128.load(bias + at) : f32x4.splat(0);
      let target = corner + at;
      const end = scratch + rows * 96;
      for (let half = scratch; half < end; half += 96) {
        const m0 = v128.load(half);
        const m1 = v128.load(half, 16);
        const m2 = v128.load(half, 32);
        const m3 = v128.load(half, 48);
        const m4 = v128.load(half, 64);
        const m5 = v128.load(half, 80);
        const near = f32x4.add(m1, m2);
        const far = f32x4.add(m3, m4);
        const nearOdd = f32x4.sub(m1, m2);
        const farOdd = f32x4.sub(m3, m4);
        const y0 = f32x4.add(f32x4.add(f32x4.add(m0, offset), near), far);
        const y1 = multiplyAdd(farOdd, f32x4.splat(2), f32x4.add(nearOdd, offset));
        const y2 = multiplyAdd(far, f32x4.splat(4), f32x4.add(near, offset));
        const y3 = multiplyAdd(farOdd, f32x4.splat(8), f32x4.add(f32x4.add(nearOdd, m5), offset));
        v128.store(target, f32x4.pmin(ceiling, f32x4.pmax(floor, y0)));
        if (columns > 1) v128.store(target + pixel, f32x4.pmin(ceiling, f32x4.pmax(floor, y1)));
        if (columns > 2) v128.store(target + pixel * 2, f32x4.pmin(ceiling, f32x4.pmax(floor, y2)));
        if (columns > 3) v128.store(target + pixel * 3, f32x4.pmin(ceiling, f32x4.pmax(floor, y3)));
        target += outRow;
      }
      products += 16;
    }
  }
}

/** Aᵀ: six points to four numbers, a row of the half-transformed tile apart. */
// @ts-ignore: decorator
@inline
function gather(m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128, to: usize): void {
  const near = f32x4.add(m1, m2);
  const far = f32x4.add(m3, m4);
  const nearOdd = f32x4.sub(m1, m2);
  const farOdd = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(m0, near), far));
  v128.store(to, multiplyAdd(farOdd, f32x4.splat(2), nearOdd), 96);
  v128.store(to, multiplyAdd(far, f32x4.splat(4), near), 192);
  v128.store(to, multiplyAdd(farOdd, f32x4.splat(8), f32x4.add(nearOdd, m5)), 288);
}
