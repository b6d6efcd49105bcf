import { PANEL, multiplyAdd } from './vector';
import { gatherFilter } from './winograd-large-filter';
import { addOuterProducts } from './winograd-large-products';
import { POINTS, TILE_BYTES, frameBytes, pointBytes, tilesPerPass, transformInputs } from './winograd-large-tiles';

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
  const frame = scratch + TILE_BYTES;
  const tiles = frame + frameBytes(height, width, inChannels);
  const slopes = tiles + inPoint * POINTS;
  const sums = slopes + outPoint * POINTS;
  const filterBytes = (<usize>(inChannels * outChannels)) << 2;
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
  gatherFilter(sums, filterBytes, scratch, dfilter);
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
  const zero = f32x4.splat(0);
  for (let tile = 0; tile < count; tile++) {
    const image = (first + tile) / perImage;
    const inImage = first + tile - image * perImage;
    const top = (inImage / tileColumns) * 4;
    const left = (inImage % tileColumns) * 4;
    const rows = min(4, height - top);
    const columns = min(4, width - left);
    const corner = dy + <usize>((image * height + top) * width + left) * pixel;
    for (let channel = 0; channel < channels; channel += 4) {
      let from = corner + (<usize>channel << 2);
      for (let column = 0; column < 4; column++) {
        const isInside = column < columns;
        spreadSlope(
          isInside ? v128.load(from) : zero,
          isInside && rows > 1 ? v128.load(from + row) : zero,
          isInside && rows > 2 ? v128.load(from + row * 2) : zero,
          isInside && rows > 3 ? v128.load(from + row * 3) : zero,
          scratch + (<usize>column << 4),
          64,
        );
        from += pixel;
      }
      let to = target + <usize>(channel / PANEL) * panelBytes + (<usize>tile << 5) + (<usize>(channel % PANEL) << 2);
      for (let half = scratch; half < scratch + 384; half += 64) {
        spreadSlope(v128.load(half), v128.load(half, 16), v128.load(half, 32), v128.load(half, 48), to, point);
        to += point * 6;
      }
    }
  }
}

/** A: four numbers to six points. */
// @ts-ignore: decorator
@inline
function spreadSlope(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  const even = f32x4.add(y0, y2);
  const odd = f32x4.add(y1, y3);
  const wideEven = multiplyAdd(y2, f32x4.splat(4), y0);
  const wideOdd = multiplyAdd(y3, f32x4.splat(8), f32x4.add(y1, y1));
  v128.store(to, y0);
  v128.store(to + step, f32x4.add(even, odd));
  v128.store(to + step * 2, f32x4.sub(even, odd));
  v128.store(to + step * 3, f32x4.add(wideEven, wideOdd));
  v128.store(to + step * 4, f32x4.sub(wideEven, wideOdd));
  v128.store(to + step * 5, y3);
}
