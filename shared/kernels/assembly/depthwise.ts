import { multiplyAdd } from './vector';

/**
 * Depthwise convolution: every channel has a filter of its own. The image lies in a frame whose border is the padding.
 *
 * @param x the address of the first window
 * @param rowStep, columnStep bytes between the windows of two output rows and columns
 * @param tapRow, tapColumn bytes between the taps of a window
 * @param weights [kernelHeight * kernelWidth][channels]
 * @param scale, bias `channels` floats each
 * @param channels a multiple of 4
 * @param outRow bytes between rows of `out`
 */
export function depthwise(
  x: usize,
  rowStep: usize,
  columnStep: usize,
  tapRow: usize,
  tapColumn: usize,
  kernelHeight: i32,
  kernelWidth: i32,
  weights: usize,
  scale: usize,
  bias: usize,
  channels: i32,
  height: i32,
  width: i32,
  out: usize,
  outRow: usize,
  lowest: f32,
  highest: f32,
): void {
  const pixel = <usize>channels << 2;
  const floor = f32x4.splat(lowest);
  const ceiling = f32x4.splat(highest);
  const is3x3 = kernelHeight == 3 && kernelWidth == 3;
  for (let row = 0; row < height; row++) {
    for (let at: usize = 0; at < pixel; at += 16) {
      const from = x + at;
      const to = out + at;
      const filter = weights + at;
      const factor = v128.load(scale + at);
      const shift = v128.load(bias + at);
      if (is3x3 && columnStep == tapColumn) {
        rowOfStride1(from, tapRow, pixel, filter, factor, shift, to, width, floor, ceiling);
      } else if (is3x3 && columnStep == tapColumn * 2) {
        rowOfStride2(from, tapRow, pixel, tapColumn, filter, factor, shift, to, width, floor, ceiling);
      } else {
        let window = from;
        let target = to;
        for (let column = 0; column < width; column++) {
          let sum = f32x4.splat(0);
          let weight = filter;
          let tapStart = window;
          for (let tapY = 0; tapY < kernelHeight; tapY++) {
            let tap = tapStart;
            for (let tapX = 0; tapX < kernelWidth; tapX++) {
              sum = multiplyAdd(v128.load(tap), v128.load(weight), sum);
              weight += pixel;
              tap += tapColumn;
            }
            tapStart += tapRow;
          }
          v128.store(target, finish(sum, factor, shift, floor, ceiling));
          target += pixel;
          window += columnStep;
        }
      }
    }
    x += rowStep;
    out += outRow;
  }
}

/** Scale and bias come last: to round every weight and sum doubles the error. */
// @ts-ignore: decorator
@inline
function finish(sum: v128, scale: v128, bias: v128, floor: v128, ceiling: v128): v128 {
  return f32x4.pmin(f32x4.pmax(multiplyAdd(sum, scale, bias), floor), ceiling);
}

/** Each column of the image is loaded once, and added to the three outputs whose windows it lies in. */
function rowOfStride1(
  from: usize,
  tapRow: usize,
  pixel: usize,
  filter: usize,
  factor: v128,
  shift: v128,
  to: usize,
  width: i32,
  floor: v128,
  ceiling: v128,
): void {
  const w00 = v128.load(filter);
  const w01 = v128.load(filter + pixel);
  const w02 = v128.load(filter + pixel * 2);
  const w10 = v128.load(filter + pixel * 3);
  const w11 = v128.load(filter + pixel * 4);
  const w12 = v128.load(filter + pixel * 5);
  const w20 = v128.load(filter + pixel * 6);
  const w21 = v128.load(filter + pixel * 7);
  const w22 = v128.load(filter + pixel * 8);
  const tapRow2 = tapRow * 2;
  let a = v128.load(from);
  let b = v128.load(from + tapRow);
  let c = v128.load(from + tapRow2);
  let current = multiplyAdd(c, w20, multiplyAdd(b, w10, f32x4.mul(a, w00)));
  from += pixel;
  a = v128.load(from);
  b = v128.load(from + tapRow);
  c = v128.load(from + tapRow2);
  current = multiplyAdd(c, w21, multiplyAdd(b, w11, multiplyAdd(a, w01, current)));
  let next = multiplyAdd(c, w20, multiplyAdd(b, w10, f32x4.mul(a, w00)));
  const end = to + <usize>width * pixel;
  while (to < end) {
    from += pixel;
    a = v128.load(from);
    b = v128.load(from + tapRow);
    c = v128.load(from + tapRow2);
    const sum = multiplyAdd(c, w22, multiplyAdd(b, w12, multiplyAdd(a, w02, current)));
    v128.store(to, finish(sum, factor, shift, floor, ceiling));
    current = multiplyAdd(c, w21, multiplyAdd(b, w11, multiplyAdd(a, w01, next)));
    next = multiplyAdd(c, w20, multiplyAdd(b, w10, f32x4.mul(a, w00)));
    to += pixel;
  }
}

/** Two windows of a row share one column. */
function rowOfStride2(
  from: usize,
  tapRow: usize,
  pixel: usize,
  tapColumn: usize,
  filter: usize,
  factor: v128,
  shift: v128,
  to: usize,
  width: i32,
  floor: v128,
  ceiling: v128,
): void {
  const w00 = v128.load(filter);
  const w01 = v128.load(filter + pixel);
  const w02 = v128.load(filter + pixel * 2);
  const w10 = v128.load(filter + pixel * 3);
  const w11 = v128.load(filter + pixel * 4);
  const w12 = v128.load(filter + pixel * 5);
  const w20 = v128.load(filter + pixel * 6);
  const w21 = v128.load(filter + pixel * 7);
  const w22 = v128.load(filter + pixel * 8);
  const tapRow2 = tapRow * 2;
  let a = v128.load(from);
  let b = v128.load(from + tapRow);
  let c = v128.load(from + tapRow2);
  const end = to + <usize>width * pixel;
  while (to < end) {
    let sum = multiplyAdd(c, w20, multiplyAdd(b, w10, f32x4.mul(a, w00)));
    from += tapColumn;
    a = v128.load(from);
    b = v128.load(from + tapRow);
    c = v128.load(from + tapRow2);
    sum = multiplyAdd(c, w21, multiplyAdd(b, w11, multiplyAdd(a, w01, sum)));
    from += tapColumn;
    a = v128.load(from);
    b = v128.load(from + tapRow);
    c = v128.load(from + tapRow2);
    sum = multiplyAdd(c, w22, multiplyAdd(b, w12, multiplyAdd(a, w02, sum)));
    v128.store(to, finish(sum, factor, shift, floor, ceiling));
    to += pixel;
  }
}
