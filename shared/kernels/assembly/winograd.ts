import { padImages } from './image';
import { multiplyRows } from './multiply';
import { isStaged, multiplyStaged } from './staged';
import { PANEL, positionOfLargest } from './vector';

/**
 * Convolution with Winograd's F(2x2, 3x3) (Lavin & Gray 2016, arXiv:1509.09308): a 2x2 tile of outputs takes 16
 * products instead of 36. A tile is also one window of 2x2 pooling, which happens in the same pass.
 */

/** Numbers of a transformed 4x4 tile. */
export const POINTS: i32 = 16;

/**
 * Computes U = G g Gᵀ for every input and output channel, in panels for multiplyRows: [16][outChannels / 8][inChannels][8].
 *
 * @param filter [3, 3, inChannels, outChannels]
 * @param outChannels a multiple of 8
 */
export function winogradFilter(
  filter: usize,
  inChannels: i32,
  outChannels: i32,
  target: usize,
): void {
  const tap = <usize>(inChannels * outChannels) << 2;
  const panelBytes = <usize>(inChannels * PANEL) << 2;
  const inputBytes = <usize>outChannels << 2;
  // The input channels are the inner loop, so that the lines of each point are filled one after the other.
  for (let output = 0; output < outChannels; output += 4) {
    let from = filter + (<usize>output << 2);
    let to = target + <usize>(output / PANEL) * panelBytes + (<usize>(output % PANEL) << 2);
    for (let input = 0; input < inChannels; input++) {
      const row1 = from + tap * 3;
      const row2 = from + tap * 6;
      let first = v128.load(from);
      let middle = v128.load(from + tap);
      let last = v128.load(from + tap * 2);
      storeFilterPoints(to, tap, first, middle, last);
      const bottomFirst = v128.load(row2);
      const bottomMiddle = v128.load(row2 + tap);
      const bottomLast = v128.load(row2 + tap * 2);
      storeFilterPoints(to + tap * 12, tap, bottomFirst, bottomMiddle, bottomLast);
      const half = f32x4.splat(0.5);
      first = f32x4.mul(half, f32x4.add(first, bottomFirst));
      middle = f32x4.mul(half, f32x4.add(middle, bottomMiddle));
      last = f32x4.mul(half, f32x4.add(last, bottomLast));
      const halfFirst = f32x4.mul(half, v128.load(row1));
      const halfMiddle = f32x4.mul(half, v128.load(row1 + tap));
      const halfLast = f32x4.mul(half, v128.load(row1 + tap * 2));
      storeFilterPoints(
        to + tap * 4,
        tap,
        f32x4.add(first, halfFirst),
        f32x4.add(middle, halfMiddle),
        f32x4.add(last, halfLast),
      );
      storeFilterPoints(
        to + tap * 8,
        tap,
        f32x4.sub(first, halfFirst),
        f32x4.sub(middle, halfMiddle),
        f32x4.sub(last, halfLast),
      );
      from += inputBytes;
      to += PANEL * 4;
    }
  }
}

/** Spreads three numbers of a row to four points. */
// @ts-ignore: decorator
@inline
function storeFilterPoints(to: usize, pointBytes: usize, a: v128, b: v128, c: v128): void {
  const half = f32x4.splat(0.5);
  const outer = f32x4.mul(half, f32x4.add(a, c));
  const inner = f32x4.mul(half, b);
  v128.store(to, a);
  v128.store(to + pointBytes, f32x4.add(outer, inner));
  v128.store(to + pointBytes * 2, f32x4.sub(outer, inner));
  v128.store(to + pointBytes * 3, c);
}

/** Bytes of scratch memory that winogradPooled takes. */
export function winogradScratchBytes(
  height: i32,
  width: i32,
  inChannels: i32,
  outChannels: i32,
  images: i32,
): i32 {
  const tiles = (height >> 1) * (width >> 1) * images;
  const frame = (height + 2) * (width + 2) * inChannels;
  return (frame + POINTS * tiles * (inChannels + outChannels + 1)) << 2;
}

/**
 * 3x3 convolution with zero padding of 1, bias, ReLU and 2x2 max pooling:
 * x [images, height, width, inChannels] -> out [images, height / 2, width / 2, outChannels].
 * With an odd height or width, the last row or column is dropped, as by pooling.
 *
 * @param filter from winogradFilter
 * @param inChannels a multiple of 4
 * @param outChannels a multiple of 8
 * @param relu 1 or 0
 * @param positions with `relu`, each result's position in its window, int32 in out's shape; 0 for none
 */
export function winogradPooled(
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  filter: usize,
  outChannels: i32,
  bias: usize,
  relu: i32,
  scratch: usize,
  out: usize,
  positions: usize,
): void {
  pooledByWinograd(
    false, x, images, height, width, inChannels, filter, outChannels, bias, relu, scratch, out, positions,
  );
}

/** The same on a memory whose reservedBytes are ours, for runtimes that check each access: see multiplyStaged. */
export function winogradPooledStaged(
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  filter: usize,
  outChannels: i32,
  bias: usize,
  relu: i32,
  scratch: usize,
  out: usize,
): void {
  pooledByWinograd(
    true, x, images, height, width, inChannels, filter, outChannels, bias, relu, scratch, out, 0,
  );
}

/** Inlined into both, so that neither has the other's products. */
// @ts-ignore: decorator
@inline
function pooledByWinograd(
  staged: bool,
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  filter: usize,
  outChannels: i32,
  bias: usize,
  relu: i32,
  scratch: usize,
  out: usize,
  positions: usize,
): void {
  const tilesAnImage = (height >> 1) * (width >> 1);
  const tiles = tilesAnImage * images;
  const inBytes = <usize>inChannels << 2;
  const pointBytes = <usize>tiles * inBytes;
  const frame = scratch;
  const frameBytes = <usize>((height + 2) * (width + 2)) * inBytes;
  const transformed = frame + frameBytes;
  const products = transformed + pointBytes * POINTS;
  const productBytes = (<usize>tiles * <usize>outChannels) << 2;
  const starts = products + productBytes * POINTS;
  for (let image = 0; image < images; image++) {
    const source = x + <usize>(image * height * width) * inBytes;
    padImages(source, 1, height, width, inChannels, 1, 1, height + 2, width + 2, frame);
    const target = transformed + <usize>(image * tilesAnImage) * inBytes;
    const frameRow = <usize>(width + 2) * inBytes;
    transformInput(frame, frameRow, height >> 1, width >> 1, inChannels, target, pointBytes);
  }
  for (let row = 0; row < POINTS * tiles; row++) {
    store<u32>(starts + (<usize>row << 2), <u32>(transformed + <usize>row * inBytes));
  }
  const filterBytes = (<usize>(inChannels * outChannels)) << 2;
  // multiplyRows computes the remaining tiles, or all of them.
  const inTiles = staged && isStaged(inChannels) ? tiles & ~3 : 0;
  for (let point = 0; point < POINTS; point++) {
    const pointFilter = filter + <usize>point * filterBytes;
    const product = products + <usize>point * productBytes;
    if (staged) {
      const left = transformed + <usize>point * pointBytes;
      multiplyStaged(left, inTiles, inChannels, pointFilter, outChannels, product);
    }
    multiplyRows(
      starts + (<usize>(point * tiles + inTiles) << 2),
      tiles - inTiles,
      1,
      inChannels,
      0,
      pointFilter,
      outChannels,
      0,
      0,
      0,
      product + ((<usize>(inTiles * outChannels)) << 2),
      0,
    );
  }
  transformOutput(products, tiles, outChannels, productBytes, bias, relu, out, positions);
}

/**
 * V = Bᵀ d B of every 4x4 tile, 2 apart: [16][tile][channel]
 *
 * @param row bytes between rows of the frame
 */
export function transformInput(
  frame: usize,
  row: usize,
  tileRows: i32,
  tileColumns: i32,
  channels: i32,
  target: usize,
  pointBytes: usize,
): void {
  const pixel = <usize>channels << 2;
  for (let tileRow = 0; tileRow < tileRows; tileRow++) {
    for (let tileColumn = 0; tileColumn < tileColumns; tileColumn++) {
      let from = frame + <usize>(tileRow * 2) * row + <usize>(tileColumn * 2) * pixel;
      const end = from + pixel;
      while (from < end) {
        const row1 = from + row;
        const row2 = row1 + row;
        const row3 = row2 + row;
        let d0 = v128.load(from);
        let d1 = v128.load(row1);
        let d2 = v128.load(row2);
        let d3 = v128.load(row3);
        const a0 = f32x4.sub(d0, d2);
        const a1 = f32x4.add(d1, d2);
        const a2 = f32x4.sub(d2, d1);
        const a3 = f32x4.sub(d1, d3);
        d0 = v128.load(from + pixel);
        d1 = v128.load(row1 + pixel);
        d2 = v128.load(row2 + pixel);
        d3 = v128.load(row3 + pixel);
        const b0 = f32x4.sub(d0, d2);
        const b1 = f32x4.add(d1, d2);
        const b2 = f32x4.sub(d2, d1);
        const b3 = f32x4.sub(d1, d3);
        const second = pixel * 2;
        d0 = v128.load(from + second);
        d1 = v128.load(row1 + second);
        d2 = v128.load(row2 + second);
        d3 = v128.load(row3 + second);
        const c0 = f32x4.sub(d0, d2);
        const c1 = f32x4.add(d1, d2);
        const c2 = f32x4.sub(d2, d1);
        const c3 = f32x4.sub(d1, d3);
        const third = pixel * 3;
        d0 = v128.load(from + third);
        d1 = v128.load(row1 + third);
        d2 = v128.load(row2 + third);
        d3 = v128.load(row3 + third);
        storePoints(target, pointBytes, a0, b0, c0, f32x4.sub(d0, d2));
        storePoints(target + pointBytes * 4, pointBytes, a1, b1, c1, f32x4.add(d1, d2));
        storePoints(target + pointBytes * 8, pointBytes, a2, b2, c2, f32x4.sub(d2, d1));
        storePoints(target + pointBytes * 12, pointBytes, a3, b3, c3, f32x4.sub(d1, d3));
        from += 16;
        target += 16;
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function storePoints(target: usize, pointBytes: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(target, f32x4.sub(a, c));
  v128.store(target + pointBytes, f32x4.add(b, c));
  v128.store(target + pointBytes * 2, f32x4.sub(c, b));
  v128.store(target + pointBytes * 3, f32x4.sub(b, d));
}

/** max(Aᵀ m A) + bias of every tile, then ReLU: [tile][channel] */
function transformOutput(
  products: usize,
  tiles: i32,
  channels: i32,
  pointBytes: usize,
  bias: usize,
  relu: i32,
  out: usize,
  positions: usize,
): void {
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-f32.MAX_VALUE);
  const tileBytes = <usize>channels << 2;
  for (let tile = 0; tile < tiles; tile++) {
    for (let at: usize = 0; at < tileBytes; at += 16) {
      const low0 = lowRow(products, pointBytes);
      const high0 = highRow(products, pointBytes);
      const low1 = lowRow(products + pointBytes, pointBytes);
      const high1 = highRow(products + pointBytes, pointBytes);
      const low2 = lowRow(products + pointBytes * 2, pointBytes);
      const high2 = highRow(products + pointBytes * 2, pointBytes);
      const low3 = lowRow(products + pointBytes * 3, pointBytes);
      const high3 = highRow(products + pointBytes * 3, pointBytes);
      const topLeft = f32x4.add(f32x4.add(low0, low1), low2);
      const topRight = f32x4.sub(f32x4.sub(low1, low2), low3);
      const bottomLeft = f32x4.add(f32x4.add(high0, high1), high2);
      const bottomRight = f32x4.sub(f32x4.sub(high1, high2), high3);
      const largest = f32x4.pmax(f32x4.pmax(topLeft, topRight), f32x4.pmax(bottomLeft, bottomRight));
      const biased = bias ? f32x4.add(largest, v128.load(bias + at)) : largest;
      v128.store(out, f32x4.pmax(biased, floor));
      if (positions) {
        v128.store(positions, positionOfLargest(topLeft, topRight, bottomLeft, largest, biased));
        positions += 16;
      }
      out += 16;
      products += 16;
    }
  }
}

// @ts-ignore: decorator
@inline
export function lowRow(products: usize, pointBytes: usize): v128 {
  const sum = f32x4.add(v128.load(products), v128.load(products + pointBytes * 4));
  return f32x4.add(sum, v128.load(products + pointBytes * 8));
}

// @ts-ignore: decorator
@inline
export function highRow(products: usize, pointBytes: usize): v128 {
  const difference = f32x4.sub(
    v128.load(products + pointBytes * 4),
    v128.load(products + pointBytes * 8),
  );
  return f32x4.sub(difference, v128.load(products + pointBytes * 12));
}
