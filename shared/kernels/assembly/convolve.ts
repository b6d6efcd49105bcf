import { multiplyTile } from '../build/tile';

/**
 * Convolution of any kernel, stride, dilation and padding. The windows lie in frames whose border is the padding, so that every
 * address is known beforehand: three tables have those of each output pixel.
 *
 * A window consists of `rows` times `taps` runs of `runBytes`. One run is a pointwise convolution.
 *
 * @param starts the addresses of the windows
 * @param outs the addresses of the output pixels
 * @param adds the addresses of pixels to add, or 0 for none
 * @param rowStep, tapStep bytes between a window's rows, and between the runs of a row
 * @param depth floats per window, rounded up to a multiple of 4
 * @param right, columns, scale, bias see multiplyTile
 * @param scratch 4 * (4 * depth + 16) + 4 * columns + 32 bytes
 */
export function convolve(
  starts: usize,
  outs: usize,
  adds: usize,
  pixels: i32,
  rows: i32,
  rowStep: usize,
  taps: i32,
  tapStep: usize,
  runBytes: usize,
  depth: i32,
  right: usize,
  columns: i32,
  scale: usize,
  bias: usize,
  lowest: f32,
  highest: f32,
  scratch: usize,
): void {
  const isDirect = rows == 1 && taps == 1 && (runBytes & 15) == 0;
  const patch = (<usize>depth << 2) + 16;
  const unused = scratch + patch * 4;
  for (let pixel = 0; pixel < pixels; pixel += 4) {
    const at = <usize>pixel << 2;
    // Rows past the end repeat the first. They are computed, but written elsewhere.
    const second = pixel + 1 < pixels;
    const third = pixel + 2 < pixels;
    const fourth = pixel + 3 < pixels;
    let left0 = <usize>load<u32>(starts + at);
    let left1 = second ? <usize>load<u32>(starts + at, 4) : left0;
    let left2 = third ? <usize>load<u32>(starts + at, 8) : left0;
    let left3 = fourth ? <usize>load<u32>(starts + at, 12) : left0;
    if (!isDirect) {
      left0 = gather(left0, rows, rowStep, taps, tapStep, runBytes, scratch);
      left1 = gather(left1, rows, rowStep, taps, tapStep, runBytes, scratch + patch);
      left2 = gather(left2, rows, rowStep, taps, tapStep, runBytes, scratch + patch * 2);
      left3 = gather(left3, rows, rowStep, taps, tapStep, runBytes, scratch + patch * 3);
    }
    const add0 = adds ? <usize>load<u32>(adds + at) : 0;
    multiplyTile(
      left0,
      left1,
      left2,
      left3,
      depth,
      right,
      columns,
      scale,
      bias,
      add0,
      adds && second ? <usize>load<u32>(adds + at, 4) : add0,
      adds && third ? <usize>load<u32>(adds + at, 8) : add0,
      adds && fourth ? <usize>load<u32>(adds + at, 12) : add0,
      <usize>load<u32>(outs + at),
      second ? <usize>load<u32>(outs + at, 4) : unused,
      third ? <usize>load<u32>(outs + at, 8) : unused,
      fourth ? <usize>load<u32>(outs + at, 12) : unused,
      lowest,
      highest,
    );
  }
}

/** Copies a window's runs one after the other. The last may write 12 bytes more. */
// @ts-ignore: decorator
@inline
function gather(
  from: usize,
  rows: i32,
  rowStep: usize,
  taps: i32,
  tapStep: usize,
  runBytes: usize,
  target: usize,
): usize {
  let to = target;
  for (let row = 0; row < rows; row++) {
    let run = from;
    for (let tap = 0; tap < taps; tap++) {
      for (let at: usize = 0; at < runBytes; at += 16) v128.store(to + at, v128.load(run + at));
      to += runBytes;
      run += tapStep;
    }
    from += rowStep;
  }
  return target;
}
