/**
 * Pooling with any window, stride and padding: the largest value, or the mean, of the pixels of each window that lie in the image.
 *
 * @param x the address of the first pixel
 * @param xRow, outRow bytes between rows
 * @param channels a multiple of 4
 * @param average 1 for the mean, 0 for the largest
 */
export function poolWindows(
  x: usize,
  xRow: usize,
  channels: i32,
  height: i32,
  width: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  out: usize,
  outRow: usize,
  average: i32,
): void {
  const pixel = <usize>channels << 2;
  for (let row = 0; row < outHeight; row++) {
    const y = row * strideHeight - top;
    const firstRow = max(0, y);
    const rows = min(height, y + windowHeight) - firstRow;
    let target = out;
    for (let column = 0; column < outWidth; column++) {
      const at = column * strideWidth - left;
      const firstColumn = max(0, at);
      const runBytes = <usize>(min(width, at + windowWidth) - firstColumn) * pixel;
      const first = x + <usize>firstRow * xRow + <usize>firstColumn * pixel;
      const scale = f32x4.splat(1 / (<f32>rows * <f32>(runBytes / pixel)));
      for (let channel: usize = 0; channel < pixel; channel += 16) {
        let from = first + channel;
        let result = average ? f32x4.splat(0) : v128.load(from);
        for (let each = 0; each < rows; each++) {
          for (let tap = from; tap < from + runBytes; tap += pixel) {
            const value = v128.load(tap);
            result = average ? f32x4.add(result, value) : f32x4.pmax(result, value);
          }
          from += xRow;
        }
        v128.store(target + channel, average ? f32x4.mul(result, scale) : result);
      }
      target += pixel;
    }
    out += outRow;
  }
}
