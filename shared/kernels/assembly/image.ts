/**
 * Copies NHWC images into frames of zeros: out[n, y + top, x + left, c] = source[n, y, x, c].
 * Pixels outside the frame are dropped.
 */
export function padImages(
  source: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  top: i32,
  left: i32,
  outHeight: i32,
  outWidth: i32,
  out: usize,
): void {
  const pixel = <usize>channels << 2;
  const copied = <usize>min(width, outWidth - left) * pixel;
  const before = <usize>left * pixel;
  const outRow = <usize>outWidth * pixel;
  const after = outRow - before - copied;
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++) {
      const y = row - top;
      if (y < 0 || y >= height) {
        memory.fill(out, 0, outRow);
      } else {
        memory.fill(out, 0, before);
        copy(source + <usize>((image * height + y) * width) * pixel, out + before, copied);
        memory.fill(out + before + copied, 0, after);
      }
      out += outRow;
    }
  }
}

/** memory.copy crosses into the runtime, which costs more than a short row is worth. */
// @ts-ignore: decorator
@inline
function copy(from: usize, to: usize, bytes: usize): void {
  const end = from + bytes;
  const vectorEnd = from + (bytes & ~15);
  while (from < vectorEnd) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
  while (from < end) {
    store<u32>(to, load<u32>(from));
    from += 4;
    to += 4;
  }
}

/**
 * Writes the address of each output pixel's window in padded NHWC images, in output order: the `starts` of multiplyRows
 * and sumOuterProducts.
 *
 * @param rowStep, columnStep, imageStep bytes in `source` between output rows, columns or images
 */
export function windowStarts(
  source: usize,
  images: i32,
  outHeight: i32,
  outWidth: i32,
  imageStep: i32,
  rowStep: i32,
  columnStep: i32,
  starts: usize,
): void {
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outHeight; row++) {
      let address = source + <usize>image * <usize>imageStep + <usize>row * <usize>rowStep;
      for (let column = 0; column < outWidth; column++) {
        store<u32>(starts, <u32>address);
        address += <usize>columnStep;
        starts += 4;
      }
    }
  }
}

/**
 * Writes the addresses like windowStarts, but in the order of 2x2 pooling: the four windows of a pooled pixel follow each
 * other, as multiplyRows with `pool` expects. Edge pixels that pooling drops are omitted.
 */
export function pooledWindowStarts(
  source: usize,
  images: i32,
  pooledHeight: i32,
  pooledWidth: i32,
  imageStep: i32,
  rowStep: i32,
  columnStep: i32,
  starts: usize,
): void {
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < pooledHeight; row++) {
      let address =
        source + <usize>image * <usize>imageStep + <usize>(row * 2) * <usize>rowStep;
      for (let column = 0; column < pooledWidth; column++) {
        const right = <u32>(address + <usize>columnStep);
        store<u32>(starts, <u32>address);
        store<u32>(starts, right, 4);
        store<u32>(starts, <u32>(address + <usize>rowStep), 8);
        store<u32>(starts, right + <u32>rowStep, 12);
        address += <usize>columnStep * 2;
        starts += 16;
      }
    }
  }
}
