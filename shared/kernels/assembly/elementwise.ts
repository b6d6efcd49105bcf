import { loadLanes, storeLanes, storePair } from './vector';

/** out = y > 0 ? dy : 0, the gradient of ReLU from its output. */
export function reluGradient(dy: usize, y: usize, out: usize, length: i32): void {
  const zero = f32x4.splat(0);
  let index = 0;
  for (; index + 4 <= length; index += 4) {
    const at = <usize>index << 2;
    v128.store(out + at, v128.and(v128.load(dy + at), f32x4.gt(v128.load(y + at), zero)));
  }
  for (; index < length; index++) {
    const at = <usize>index << 2;
    store<f32>(out + at, load<f32>(y + at) > 0 ? load<f32>(dy + at) : 0);
  }
}

/** out = 0 < y < 6 ? dy : 0, the gradient of ReLU6 from its output. */
export function relu6Gradient(dy: usize, y: usize, out: usize, length: i32): void {
  const zero = f32x4.splat(0);
  const six = f32x4.splat(6);
  for (let index = 0; index < length; index += 4) {
    const lanes = min(4, length - index);
    const at = <usize>index << 2;
    const value = loadLanes(y + at, lanes);
    const isOpen = v128.and(f32x4.gt(value, zero), f32x4.lt(value, six));
    storeLanes(out + at, v128.and(loadLanes(dy + at, lanes), isOpen), lanes);
  }
}

/** values = min(values, highest), in place. */
export function clampAbove(values: usize, length: i32, highest: f32): void {
  const ceiling = f32x4.splat(highest);
  for (let index = 0; index < length; index += 4) {
    const lanes = min(4, length - index);
    const at = values + (<usize>index << 2);
    storeLanes(at, f32x4.pmin(ceiling, loadLanes(at, lanes)), lanes);
  }
}

/** target += values, both of `length` numbers. */
export function addVector(target: usize, values: usize, length: i32): void {
  const end = target + (<usize>length << 2);
  const pairsEnd = target + (<usize>(length & ~7) << 2);
  for (; target < pairsEnd; target += 32) {
    storePair(
      target,
      f32x4.add(v128.load(target), v128.load(values)),
      f32x4.add(v128.load(target, 16), v128.load(values, 16)),
    );
    values += 32;
  }
  for (; target < end; target += 4) {
    store<f32>(target, load<f32>(target) + load<f32>(values));
    values += 4;
  }
}

/** out[column] = Σ over rows of source[row, column]; a bias's gradient. */
export function columnSums(source: usize, rows: i32, columns: i32, out: usize): void {
  const rowBytes = <usize>columns << 2;
  for (let column = 0; column < columns; column += 4) {
    const lanes = min(4, columns - column);
    let from = source + (<usize>column << 2);
    // Two sums, because each addition to a single one waits four cycles for the one before.
    let even = f32x4.splat(0);
    let odd = f32x4.splat(0);
    let row = 0;
    for (; row + 2 <= rows; row += 2) {
      even = f32x4.add(even, loadLanes(from, lanes));
      odd = f32x4.add(odd, loadLanes(from + rowBytes, lanes));
      from += rowBytes * 2;
    }
    if (row < rows) even = f32x4.add(even, loadLanes(from, lanes));
    storeLanes(out + (<usize>column << 2), f32x4.add(even, odd), lanes);
  }
}

/**
 * The gradient of 2x2 max pooling with stride 2 and no padding: dy goes to the first largest value of its
 * window, in reading order. Everything else is 0.
 *
 * @param x [images, height, width, channels], pooled to dy [images, height / 2, width / 2, channels]
 */
export function maxPoolGradient(
  x: usize,
  dy: usize,
  dx: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
): void {
  const pixel = <usize>channels << 2;
  const row = <usize>width * pixel;
  const pairs = width >> 1;
  const edge = <usize>(width & 1) * pixel;
  for (let image = 0; image < images; image++) {
    for (let pooledRow = 0; pooledRow < height >> 1; pooledRow++) {
      for (let pooledColumn = 0; pooledColumn < pairs; pooledColumn++) {
        for (let channel = 0; channel < channels; channel += 4) {
          const lanes = min(4, channels - channel);
          const a = loadLanes(x, lanes);
          const b = loadLanes(x + pixel, lanes);
          const c = loadLanes(x + row, lanes);
          const d = loadLanes(x + row + pixel, lanes);
          const largest = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d));
          let open = loadLanes(dy, lanes);
          const isA = f32x4.eq(a, largest);
          storeLanes(dx, v128.and(open, isA), lanes);
          open = v128.andnot(open, isA);
          const isB = f32x4.eq(b, largest);
          storeLanes(dx + pixel, v128.and(open, isB), lanes);
          open = v128.andnot(open, isB);
          const isC = f32x4.eq(c, largest);
          storeLanes(dx + row, v128.and(open, isC), lanes);
          open = v128.andnot(open, isC);
          storeLanes(dx + row + pixel, v128.and(open, f32x4.eq(d, largest)), lanes);
          const bytes = <usize>lanes << 2;
          x += bytes;
          dx += bytes;
          dy += bytes;
        }
        x += pixel;
        dx += pixel;
      }
      memory.fill(dx, 0, edge);
      memory.fill(dx + row, 0, edge);
      x += edge + row;
      dx += edge + row;
    }
    const rest = <usize>(height & 1) * row;
    memory.fill(dx, 0, rest);
    x += rest;
    dx += rest;
  }
}

/** The same for windows of any size, stride and padding, one value at a time. */
export function maxPoolGradientOfAnyWindow(
  x: usize,
  dy: usize,
  dx: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
): void {
  const imageBytes = <usize>(height * width * channels) << 2;
  memory.fill(dx, 0, <usize>images * imageBytes);
  for (let image = 0; image < images; image++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const top = outRow * strideHeight - padTop;
      const bottom = min(top + windowHeight, height);
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const left = outColumn * strideWidth - padLeft;
        const right = min(left + windowWidth, width);
        for (let channel = 0; channel < channels; channel++) {
          let largest = -f32.MAX_VALUE;
          let where: usize = 0;
          for (let row = max(top, 0); row < bottom; row++) {
            for (let column = max(left, 0); column < right; column++) {
              const at = <usize>((row * width + column) * channels + channel) << 2;
              const value = load<f32>(x + at);
              if (value > largest) {
                largest = value;
                where = at;
              }
            }
          }
          store<f32>(dx + where, load<f32>(dx + where) + load<f32>(dy));
          dy += 4;
        }
      }
    }
    x += imageBytes;
    dx += imageBytes;
  }
}
