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
