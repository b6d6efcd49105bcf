/**
 * Gives a JPEG's components with fewer samples, usually those of the colours, the size of the picture.
 *
 * At full size, samples that are doubled are interpolated as in libjpeg-turbo's jdsample.c ("fancy upsampling"), to the same bits: 3/4 of
 * the nearer and 1/4 of the farther, along each axis. Otherwise samples are repeated, because a reduced picture is averaged further: against
 * averages of libjpeg's full size, repeating is closer there than interpolating.
 */
import { ACROSS, BLOCKS_A_LINE, DOWN, PLANE, componentAddress } from './jpeg-memory';

/**
 * Returns the address of a component's samples of one row of the picture.
 *
 * @param row u8[width + 32], to which they are written if the component has fewer
 * @param sums u16[width / 2 + 16], for values in between
 * @param size width and height that a block of 8x8 samples was reduced to
 */
export function rowOf(
  index: i32,
  y: i32,
  row: usize,
  sums: usize,
  width: i32,
  height: i32,
  size: i32,
  maxAcross: i32,
  maxDown: i32,
): usize {
  const component = componentAddress(index);
  const across = load<i32>(component + ACROSS);
  const down = load<i32>(component + DOWN);
  const plane = load<usize>(component + PLANE);
  const stride = load<i32>(component + BLOCKS_A_LINE) * size;
  const isWide = across == maxAcross;
  const isTall = down == maxDown;
  if (isWide && isTall) return plane + <usize>(y * stride);
  const samples = isWide ? width : (width + 1) >> 1;
  const isInterpolated =
    (isWide || across * 2 == maxAcross) &&
    (isTall || down * 2 == maxDown) &&
    (isWide || samples > 2) &&
    size == 8;
  if (!isInterpolated) {
    const near = plane + <usize>(((y * down) / maxDown) * stride);
    for (let x = 0; x < width; x++) {
      store<u8>(row + <usize>x, load<u8>(near + <usize>((x * across) / maxAcross)));
    }
    return row;
  }
  const line = isTall ? y : y >> 1;
  const lines = (height + 1) >> 1;
  const other = y & 1 ? min(line + 1, lines - 1) : max(line - 1, 0);
  const near = plane + <usize>(line * stride);
  const far: usize = isTall ? 0 : plane + <usize>(other * stride);
  if (isWide) {
    mixRows(row, near, far, samples, y & 1 ? 2 : 1);
    return row;
  }
  // A sample more at each end, the same as the one beside it.
  sumRows(sums + 2, near, far, samples);
  store<u16>(sums, load<u16>(sums + 2));
  store<u16>(sums + <usize>((samples + 1) << 1), load<u16>(sums + <usize>(samples << 1)));
  if (isTall) doubleRow(row, sums, samples, 1, 2, 2);
  else doubleRow(row, sums, samples, 8, 7, 4);
  return row;
}

/** Writes 3/4 of the nearer and 1/4 of the farther row. @param half what rounds: 1 or 2, so that errors cancel */
function mixRows(out: usize, near: usize, far: usize, samples: i32, half: i16): void {
  const three = i16x8.splat(3);
  const halves = i16x8.splat(half);
  for (let x: usize = 0; x < <usize>samples; x += 8) {
    const sum = i16x8.add(
      i16x8.mul(v128.load_ext<u8>(near + x), three),
      v128.load_ext<u8>(far + x),
    );
    const mixed = i16x8.shr_u(i16x8.add(sum, halves), 2);
    v128.store64_lane(out + x, i8x16.narrow_i16x8_u(mixed, mixed), 0);
  }
}

/** Writes 3 times the nearer and once the farther row as u16, or only the nearer if there is no farther. */
function sumRows(out: usize, near: usize, far: usize, samples: i32): void {
  const three = i16x8.splat(3);
  for (let x: usize = 0; x < <usize>samples; x += 8) {
    let sum = v128.load_ext<u8>(near + x);
    if (far) sum = i16x8.add(i16x8.mul(sum, three), v128.load_ext<u8>(far + x));
    v128.store(out + (x << 1), sum);
  }
}

/**
 * Writes two samples for each.
 *
 * @param sums one more sample at each end
 * @param first, second what rounds the left and the right of two samples
 * @param shift bits of the sums' scale, times four
 */
function doubleRow(out: usize, sums: usize, samples: i32, first: i16, second: i16, shift: i32): void {
  const three = i16x8.splat(3);
  const firsts = i16x8.splat(first);
  const seconds = i16x8.splat(second);
  for (let x: usize = 0; x < <usize>samples; x += 8) {
    const at = sums + (x << 1);
    const near = i16x8.mul(v128.load(at, 2), three);
    const left = i16x8.shr_u(i16x8.add(i16x8.add(near, v128.load(at)), firsts), shift);
    const right = i16x8.shr_u(i16x8.add(i16x8.add(near, v128.load(at, 4)), seconds), shift);
    // Two bytes each: the right one is the upper.
    v128.store(out + (x << 1), v128.or(left, i16x8.shl(right, 8)));
  }
}
