import { padImages } from './image';
import { PANEL, multiplyAdd } from './vector';

/**
 * 3x3 convolution with stride 1 and its gradients by Winograd's F(4x4, 3x3) (Lavin & Gray 2016, arXiv:1509.09308): a tile of 4x4 outputs
 * takes 36 products instead of 144.
 */

/** Numbers of a transformed 6x6 tile. */
const POINTS: usize = 36;
/** Bytes of the tiles and their products that one pass may take: most of the second-level cache. */
const PASS_BYTES: i32 = 786_432;
/** Bytes of the vectors of one tile between the two halves of a transform. */
const TILE_BYTES: usize = 16 * 36;
/** Added between points, as otherwise all points of a tile would share a few lines of the first-level cache. */
const SKEW: usize = 64;

/** Tiles of a pass, a multiple of 4: those of whole images, or of whole rows of an image's tiles. */
function tilesPerPass(images: i32, tileRows: i32, tileColumns: i32, channels: i32): i32 {
  const wanted = max(4, PASS_BYTES / (<i32>POINTS * 4 * channels));
  const perImage = tileRows * tileColumns;
  const rows = max(1, wanted / tileColumns);
  const whole = perImage <= wanted ? min(images, wanted / perImage) * perImage : min(tileRows, rows) * tileColumns;
  return (whole + 3) & ~3;
}

// @ts-ignore: decorator
@inline
function pointBytes(tiles: i32, channels: i32): usize {
  return ((<usize>(tiles * channels)) << 2) + SKEW;
}

function frameBytes(height: i32, width: i32, channels: i32): usize {
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

/**
 * Computes U = G g Gᵀ for every input and output channel: [36][outChannels / 8][inChannels][8].
 *
 * @param filter [3, 3, inChannels, outChannels]
 * @param outChannels a multiple of 8
 */
export function largeTilesFilter(filter: usize, inChannels: i32, outChannels: i32, scratch: usize, target: usize): void {
  const tap = <usize>(inChannels * outChannels) << 2;
  const panelBytes = <usize>(inChannels * PANEL) << 2;
  for (let input = 0; input < inChannels; input++) {
    for (let output = 0; output < outChannels; output += 4) {
      const to = target + <usize>(output / PANEL) * panelBytes + (<usize>(input * PANEL + (output % PANEL)) << 2);
      for (let column: usize = 0; column < 3; column++) {
        const from = filter + tap * column;
        spreadFilter(v128.load(from), v128.load(from + tap * 3), v128.load(from + tap * 6), scratch + column * 16, 48);
      }
      for (let row: usize = 0; row < 6; row++) {
        const from = scratch + row * 48;
        spreadFilter(v128.load(from), v128.load(from, 16), v128.load(from, 32), to + tap * 6 * row, tap);
      }
      filter += 16;
    }
  }
}

/** G: three numbers to six points. */
// @ts-ignore: decorator
@inline
function spreadFilter(a: v128, b: v128, c: v128, to: usize, step: usize): void {
  const ends = f32x4.mul(f32x4.add(a, c), f32x4.splat(-1.0 / 6));
  const middle = f32x4.mul(b, f32x4.splat(1.0 / 6));
  const wide = multiplyAdd(a, f32x4.splat(1.0 / 24), f32x4.mul(c, f32x4.splat(1.0 / 6)));
  const half = f32x4.mul(b, f32x4.splat(1.0 / 12));
  v128.store(to, f32x4.mul(a, f32x4.splat(0.25)));
  v128.store(to + step, f32x4.sub(ends, middle));
  v128.store(to + step * 2, f32x4.add(ends, middle));
  v128.store(to + step * 3, f32x4.add(wide, half));
  v128.store(to + step * 4, f32x4.sub(wide, half));
  v128.store(to + step * 5, c);
}

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

/** V = Bᵀ d B of tiles `first` to `first + count`: [36][tile][channel] */
function transformInputs(
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

/**
 * One point: left [rows, depth] * right, panels [columns / 8][depth][8] -> out [rows, columns]. Rows past the end, up to a multiple of 4,
 * are computed too. Unrolled further, Binaryen would move more loads to the front than there are registers for.
 *
 * @param depth a multiple of 4
 */
function multiplyPoint(left: usize, rows: i32, depth: i32, right: usize, columns: i32, out: usize): void {
  const leftRow = <usize>depth << 2;
  const outRow = <usize>columns << 2;
  for (let column: usize = 0; column < outRow; column += 32) {
    let target = out + column;
    let row0 = left;
    for (let row = 0; row < rows; row += 4) {
      let low0 = f32x4.splat(0);
      let low1 = low0;
      let low2 = low0;
      let low3 = low0;
      let high0 = low0;
      let high1 = low0;
      let high2 = low0;
      let high3 = low0;
      let left0 = row0;
      let left1 = left0 + leftRow;
      let left2 = left1 + leftRow;
      let left3 = left2 + leftRow;
      const end = left1;
      let weight = right;
      while (left0 < end) {
        let weightLow = v128.load(weight);
        let weightHigh = v128.load(weight, 16);
        let value = v128.load_splat<f32>(left0);
        low0 = multiplyAdd(value, weightLow, low0);
        high0 = multiplyAdd(value, weightHigh, high0);
        value = v128.load_splat<f32>(left1);
        low1 = multiplyAdd(value, weightLow, low1);
        high1 = multiplyAdd(value, weightHigh, high1);
        value = v128.load_splat<f32>(left2);
        low2 = multiplyAdd(value, weightLow, low2);
        high2 = multiplyAdd(value, weightHigh, high2);
        value = v128.load_splat<f32>(left3);
        low3 = multiplyAdd(value, weightLow, low3);
        high3 = multiplyAdd(value, weightHigh, high3);
        weightLow = v128.load(weight, 32);
        weightHigh = v128.load(weight, 48);
        value = v128.load_splat<f32>(left0, 4);
        low0 = multiplyAdd(value, weightLow, low0);
        high0 = multiplyAdd(value, weightHigh, high0);
        value = v128.load_splat<f32>(left1, 4);
        low1 = multiplyAdd(value, weightLow, low1);
        high1 = multiplyAdd(value, weightHigh, high1);
        value = v128.load_splat<f32>(left2, 4);
        low2 = multiplyAdd(value, weightLow, low2);
        high2 = multiplyAdd(value, weightHigh, high2);
        value = v128.load_splat<f32>(left3, 4);
        low3 = multiplyAdd(value, weightLow, low3);
        high3 = multiplyAdd(value, weightHigh, high3);
        left0 += 8;
        left1 += 8;
        left2 += 8;
        left3 += 8;
        weight += 64;
      }
      v128.store(target, low0);
      v128.store(target, high0, 16);
      target += outRow;
      v128.store(target, low1);
      v128.store(target, high1, 16);
      target += outRow;
      v128.store(target, low2);
      v128.store(target, high2, 16);
      target += outRow;
      v128.store(target, low3);
      v128.store(target, high3, 16);
      target += outRow;
      row0 += leftRow * 4;
    }
    right += leftRow * 8;
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

/** One point: out[input, output] += Σ over rows of left[row, input] * right[row, output], where right is in panels [outputs / 8][rows][8]. */
function addOuterProducts(left: usize, rows: i32, inputs: i32, right: usize, outputs: i32, out: usize): void {
  const leftRow = <usize>inputs << 2;
  const outRow = <usize>outputs << 2;
  const panelBytes = <usize>rows << 5;
  for (let column: usize = 0; column < outRow; column += 32) {
    const end = right + panelBytes;
    let target = out + column;
    for (let input: usize = 0; input < leftRow; input += 16) {
      const target1 = target + outRow;
      const target2 = target1 + outRow;
      const target3 = target2 + outRow;
      let low0 = v128.load(target);
      let high0 = v128.load(target, 16);
      let low1 = v128.load(target1);
      let high1 = v128.load(target1, 16);
      let low2 = v128.load(target2);
      let high2 = v128.load(target2, 16);
      let low3 = v128.load(target3);
      let high3 = v128.load(target3, 16);
      let from = left + input;
      for (let panel = right; panel < end; panel += 32) {
        const rightLow = v128.load(panel);
        const rightHigh = v128.load(panel, 16);
        let value = v128.load_splat<f32>(from);
        low0 = multiplyAdd(value, rightLow, low0);
        high0 = multiplyAdd(value, rightHigh, high0);
        value = v128.load_splat<f32>(from, 4);
        low1 = multiplyAdd(value, rightLow, low1);
        high1 = multiplyAdd(value, rightHigh, high1);
        value = v128.load_splat<f32>(from, 8);
        low2 = multiplyAdd(value, rightLow, low2);
        high2 = multiplyAdd(value, rightHigh, high2);
        value = v128.load_splat<f32>(from, 12);
        low3 = multiplyAdd(value, rightLow, low3);
        high3 = multiplyAdd(value, rightHigh, high3);
        from += leftRow;
      }
      v128.store(target, low0);
      v128.store(target, high0, 16);
      v128.store(target1, low1);
      v128.store(target1, high1, 16);
      v128.store(target2, low2);
      v128.store(target2, high2, 16);
      v128.store(target3, low3);
      v128.store(target3, high3, 16);
      target = target3 + outRow;
    }
    right += panelBytes;
  }
}

/** Gᵀ u G for every pair of channels. */
function gatherFilter(sums: usize, filterBytes: usize, scratch: usize, dfilter: usize): void {
  for (let at: usize = 0; at < filterBytes; at += 16) {
    let from = sums + at;
    for (let to = scratch; to < scratch + 96; to += 16) {
      gatherTaps(
        v128.load(from), v128.load(from + filterBytes * 6), v128.load(from + filterBytes * 12),
        v128.load(from + filterBytes * 18), v128.load(from + filterBytes * 24), v128.load(from + filterBytes * 30), to, 96,
      );
      from += filterBytes;
    }
    let to = dfilter + at;
    for (let half = scratch; half < scratch + 288; half += 96) {
      gatherTaps(
        v128.load(half), v128.load(half, 16), v128.load(half, 32),
        v128.load(half, 48), v128.load(half, 64), v128.load(half, 80), to, filterBytes,
      );
      to += filterBytes * 3;
    }
  }
}

/** Gᵀ: six points to three numbers. */
// @ts-ignore: decorator
@inline
function gatherTaps(u0: v128, u1: v128, u2: v128, u3: v128, u4: v128, u5: v128, to: usize, step: usize): void {
  const near = f32x4.mul(f32x4.add(u1, u2), f32x4.splat(-1.0 / 6));
  const far = f32x4.add(u3, u4);
  const nearOdd = f32x4.mul(f32x4.sub(u2, u1), f32x4.splat(1.0 / 6));
  const farOdd = f32x4.sub(u3, u4);
  v128.store(to, multiplyAdd(u0, f32x4.splat(0.25), multiplyAdd(far, f32x4.splat(1.0 / 24), near)));
  v128.store(to + step, multiplyAdd(farOdd, f32x4.splat(1.0 / 12), nearOdd));
  v128.store(to + step * 2, multiplyAdd(far, f32x4.splat(1.0 / 6), f32x4.add(near, u5)));
}
