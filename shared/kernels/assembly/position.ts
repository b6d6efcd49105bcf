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
