/** Columns of a packed panel: two vectors of four floats. */
export const PANEL: i32 = 8;

/** a * b + c, rounded once if the runtime supports it (WebAssembly relaxed SIMD). */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Returns whether multiplyAdd rounds once on this CPU. */
export function fusesMultiplyAdd(): bool {
  // (1 + 2^-12)² - (1 + 2^-11) = 2^-24, which a product of 24 bits loses.
  const a = f32x4.splat(1.000244140625);
  return f32x4.extract_lane(multiplyAdd(a, a, f32x4.splat(-1.00048828125)), 0) != 0;
}

/** Loads the first `lanes` (0..4) floats; the others are 0. */
export function loadLanes(source: usize, lanes: i32): v128 {
  if (lanes >= 4) return v128.load(source);
  let vector = f32x4.splat(0);
  if (lanes > 0) vector = f32x4.replace_lane(vector, 0, load<f32>(source));
  if (lanes > 1) vector = f32x4.replace_lane(vector, 1, load<f32>(source, 4));
  if (lanes > 2) vector = f32x4.replace_lane(vector, 2, load<f32>(source, 8));
  return vector;
}

/** Stores the first `lanes` (0..4) floats. */
export function storeLanes(target: usize, vector: v128, lanes: i32): void {
  if (lanes >= 4) {
    v128.store(target, vector);
    return;
  }
  if (lanes > 0) store<f32>(target, f32x4.extract_lane(vector, 0));
  if (lanes > 1) store<f32>(target, f32x4.extract_lane(vector, 1), 4);
  if (lanes > 2) store<f32>(target, f32x4.extract_lane(vector, 2), 8);
}

/** Stores eight floats. */
// @ts-ignore: decorator
@inline
export function storePair(target: usize, a: v128, b: v128): void {
  v128.store(target, a);
  v128.store(target, b, 16);
}

/** Stores 16 floats. V8 joins vectors from stores that follow each other. */
// @ts-ignore: decorator
@inline
export function storeFour(target: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(target, a);
  v128.store(target, b, 16);
  v128.store(target, c, 32);
  v128.store(target, d, 48);
}

/** In the place of a position 0..3: ReLU made the value 0, so no gradient flows back. */
export const NOWHERE: i32 = 4;

/**
 * Returns each pooled value's position in its 2x2 window: 0..3 in reading order, the first of equal values, or NOWHERE.
 *
 * @param a, b, c the window's first three values
 * @param largest the largest of the four
 * @param y the result after bias and ReLU
 */
// @ts-ignore: decorator
@inline
export function positionOfLargest(a: v128, b: v128, c: v128, largest: v128, y: v128): v128 {
  let position = v128.bitselect(i32x4.splat(2), i32x4.splat(3), f32x4.eq(c, largest));
  position = v128.bitselect(i32x4.splat(1), position, f32x4.eq(b, largest));
  position = v128.andnot(position, f32x4.eq(a, largest));
  return v128.bitselect(position, i32x4.splat(NOWHERE), f32x4.gt(y, f32x4.splat(0)));
}
