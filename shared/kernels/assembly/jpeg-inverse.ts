/** The inverse DCT of a JPEG's blocks, at 1, 1/2, 1/4 or 1/8 of their size. */
import { BLOCK, BLOCKS_A_LINE, PLANE, SCRATCH } from './jpeg-memory';

// @ts-ignore: decorator
@inline
function clampToByte(value: f32): u8 {
  return <u8>nearestByte(value);
}

// @ts-ignore: decorator
@inline
function nearestByte(value: f32): i32 {
  const rounded = <i32>(value + 128.5);
  return value < -128 ? 0 : rounded > 255 ? 255 : rounded;
}

/**
 * Writes the samples of the current block, `size` x `size` of them.
 *
 * @param last 0 if all coefficients but the first are zero
 */
export function writeSamples(component: usize, size: i32, row: i32, column: i32, last: i32): void {
  const stride = <usize>(load<i32>(component + BLOCKS_A_LINE) * size);
  const out = load<usize>(component + PLANE) + <usize>(row * size) * stride + <usize>(column * size);
  if (size == 1) {
    store<u8>(out, clampToByte(load<f32>(BLOCK)));
  } else if (last == 0) {
    const value = <usize>clampToByte(load<f32>(BLOCK));
    for (let y: usize = 0; y < <usize>size; y++) memory.fill(out + y * stride, <u8>value, size);
  } else if (size == 8) inverse8(out, stride);
  else if (size == 4) inverse4(out, stride);
  else inverse2(out, stride);
}

function inverse2(out: usize, stride: usize): void {
  const a = load<f32>(BLOCK);
  const b = load<f32>(BLOCK, 4);
  const c = load<f32>(BLOCK, 8);
  const d = load<f32>(BLOCK, 12);
  store<u8>(out, clampToByte(a + b + c + d));
  store<u8>(out + 1, clampToByte(a - b + c - d));
  store<u8>(out + stride, clampToByte(a + b - c - d));
  store<u8>(out + stride + 1, clampToByte(a - b - c + d));
}

// sqrt(2) cos(pi / 8) and sqrt(2) cos(3 pi / 8)
const C1: f32 = 1.3065629648763766;
const C3: f32 = 0.5411961001461969;

/** The four-point inverse DCT of four columns at once. */
// @ts-ignore: decorator
@inline
function pass4(from: usize, to: usize): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from, 16);
  const x2 = v128.load(from, 32);
  const x3 = v128.load(from, 48);
  const even0 = f32x4.add(x0, x2);
  const even1 = f32x4.sub(x0, x2);
  const c1 = f32x4.splat(C1);
  const c3 = f32x4.splat(C3);
  const odd0 = f32x4.add(f32x4.mul(c1, x1), f32x4.mul(c3, x3));
  const odd1 = f32x4.sub(f32x4.mul(c3, x1), f32x4.mul(c1, x3));
  transpose4(
    f32x4.add(even0, odd0),
    f32x4.add(even1, odd1),
    f32x4.sub(even1, odd1),
    f32x4.sub(even0, odd0),
    to,
    16,
  );
}

/** Writes four vectors as columns. Rows are `step` bytes apart. */
// @ts-ignore: decorator
@inline
function transpose4(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
  v128.store(to + step, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
  v128.store(to + 2 * step, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
  v128.store(to + 3 * step, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function toBytes(low: v128, high: v128): v128 {
  const half = f32x4.splat(128.5);
  const words = i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(low, half))),
    i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(high, half))),
  );
  return i8x16.narrow_i16x8_u(words, words);
}

function inverse4(out: usize, stride: usize): void {
  pass4(BLOCK, SCRATCH);
  pass4(SCRATCH, BLOCK);
  for (let y: usize = 0; y < 4; y++) {
    const row = v128.load(BLOCK + (y << 4));
    store<i32>(out + y * stride, i32x4.extract_lane(toBytes(row, row), 0));
  }
}

/**
 * The eight-point inverse DCT of four columns at once, written as four rows. The method is Arai, Agui and Nakajima's, as in libjpeg's
 * jidctflt.c. Its constant factors are part of the quantizers.
 */
function pass8(from: usize, to: usize): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from, 32);
  const x2 = v128.load(from, 64);
  const x3 = v128.load(from, 96);
  const x4 = v128.load(from, 128);
  const x5 = v128.load(from, 160);
  const x6 = v128.load(from, 192);
  const x7 = v128.load(from, 224);
  const root2 = f32x4.splat(1.414213562);
  // Even part.
  const t10 = f32x4.add(x0, x4);
  const t11 = f32x4.sub(x0, x4);
  const t13 = f32x4.add(x2, x6);
  const t12 = f32x4.sub(f32x4.mul(f32x4.sub(x2, x6), root2), t13);
  const e0 = f32x4.add(t10, t13);
  const e3 = f32x4.sub(t10, t13);
  const e1 = f32x4.add(t11, t12);
  const e2 = f32x4.sub(t11, t12);
  // Odd part.
  const z13 = f32x4.add(x5, x3);
  const z10 = f32x4.sub(x5, x3);
  const z11 = f32x4.add(x1, x7);
  const z12 = f32x4.sub(x1, x7);
  const o7 = f32x4.add(z11, z13);
  const z5 = f32x4.mul(f32x4.add(z10, z12), f32x4.splat(1.847759065));
  const s11 = f32x4.mul(f32x4.sub(z11, z13), root2);
  const s10 = f32x4.sub(z5, f32x4.mul(z12, f32x4.splat(1.08239220)));
  const s12 = f32x4.sub(z5, f32x4.mul(z10, f32x4.splat(2.613125930)));
  const o6 = f32x4.sub(s12, o7);
  const o5 = f32x4.sub(s11, o6);
  const o4 = f32x4.sub(s10, o5);
  transpose4(
    f32x4.add(e0, o7),
    f32x4.add(e1, o6),
    f32x4.add(e2, o5),
    f32x4.add(e3, o4),
    to,
    32,
  );
  transpose4(
    f32x4.sub(e3, o4),
    f32x4.sub(e2, o5),
    f32x4.sub(e1, o6),
    f32x4.sub(e0, o7),
    to + 16,
    32,
  );
}

function inverse8(out: usize, stride: usize): void {
  pass8(BLOCK, SCRATCH);
  pass8(BLOCK + 16, SCRATCH + 128);
  pass8(SCRATCH, BLOCK);
  pass8(SCRATCH + 16, BLOCK + 128);
  for (let y: usize = 0; y < 8; y++) {
    const row = BLOCK + (y << 5);
    v128.store64_lane(out + y * stride, toBytes(v128.load(row), v128.load(row, 16)), 0);
  }
}
