/**
 * Fills the border of a frame with zeros.
 *
 * @param rows, rowBytes the frame's
 * @param top, bottom rows of the border
 * @param left, right bytes of the border
 */
export function clearBorder(
  frame: usize,
  rows: i32,
  rowBytes: usize,
  top: i32,
  bottom: i32,
  left: usize,
  right: usize,
): void {
  memory.fill(frame, 0, <usize>top * rowBytes);
  memory.fill(frame + <usize>(rows - bottom) * rowBytes, 0, <usize>bottom * rowBytes);
  for (let row = top; row < rows - bottom; row++) {
    const start = frame + <usize>row * rowBytes;
    const end = start + rowBytes;
    clear(start, start + left);
    clear(end - right, end);
  }
}

/** memory.fill crosses into the runtime, which costs more than a few pixels are worth. */
// @ts-ignore: decorator
@inline
function clear(from: usize, end: usize): void {
  for (; from + 16 <= end; from += 16) v128.store(from, f32x4.splat(0));
  for (; from < end; from += 4) store<u32>(from, 0);
}

/**
 * out = clamp(a + b), row by row
 *
 * @param b an image of the same size, or 0 for none
 * @param aRow, bRow, outRow bytes between rows
 * @param rowBytes bytes of a row's pixels, a multiple of 16
 */
export function addImages(
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  out: usize,
  outRow: usize,
  rows: i32,
  rowBytes: usize,
  lowest: f32,
  highest: f32,
): void {
  const floor = f32x4.splat(lowest);
  const ceiling = f32x4.splat(highest);
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < rowBytes; at += 16) {
      let value = v128.load(a + at);
      if (b) value = f32x4.add(value, v128.load(b + at));
      v128.store(out + at, f32x4.pmin(f32x4.pmax(value, floor), ceiling));
    }
    a += aRow;
    b += bRow;
    out += outRow;
  }
}

/**
 * out = a * b, pixel by pixel
 *
 * @param bRow, bPixel bytes between rows and pixels of `b`; 0 if it has only one
 * @param pixelBytes bytes between pixels of `a` and `out`, a multiple of 16
 */
export function multiplyImages(
  a: usize,
  aRow: usize,
  b: usize,
  bRow: usize,
  bPixel: usize,
  out: usize,
  outRow: usize,
  rows: i32,
  columns: i32,
  pixelBytes: usize,
): void {
  for (let row = 0; row < rows; row++) {
    let factor = b;
    for (let pixel: usize = 0; pixel < <usize>columns * pixelBytes; pixel += pixelBytes) {
      for (let at: usize = 0; at < pixelBytes; at += 16) {
        const product = f32x4.mul(v128.load(a + pixel + at), v128.load(factor + at));
        v128.store(out + pixel + at, product);
      }
      factor += bPixel;
    }
    a += aRow;
    b += bRow;
    out += outRow;
  }
}

/**
 * Copies the channels of each pixel.
 *
 * @param out the address of the first channel to write
 * @param xPixel, outPixel bytes between pixels
 * @param channels, zeros how many are copied, and how many that follow them become 0
 */
export function copyChannels(
  x: usize,
  xRow: usize,
  xPixel: usize,
  out: usize,
  outRow: usize,
  outPixel: usize,
  rows: i32,
  columns: i32,
  channels: i32,
  zeros: i32,
): void {
  const bytes = <usize>channels << 2;
  for (let row = 0; row < rows; row++) {
    let from = x;
    let to = out;
    for (let column = 0; column < columns; column++) {
      let at: usize = 0;
      for (; at + 16 <= bytes; at += 16) v128.store(to + at, v128.load(from + at));
      for (; at < bytes; at += 4) store<u32>(to + at, load<u32>(from + at));
      clear(to + bytes, to + bytes + (<usize>zeros << 2));
      from += xPixel;
      to += outPixel;
    }
    x += xRow;
    out += outRow;
  }
}
