import { multiplyAdd } from './vector';

/** The curves of applyCurve. */
export const SIGMOID: i32 = 0;
export const TANH: i32 = 1;
export const SWISH: i32 = 2;

/**
 * out = curve(x), row by row
 *
 * @param rowBytes bytes of a row's pixels, a multiple of 16
 * @param curve SIGMOID, TANH or SWISH (x times its sigmoid)
 */
export function applyCurve(
  x: usize,
  xRow: usize,
  out: usize,
  outRow: usize,
  rows: i32,
  rowBytes: usize,
  curve: i32,
): void {
  const one = f32x4.splat(1);
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const value = v128.load(x + at);
      // tanh(x) = 2 sigmoid(2x) - 1
      const scaled = curve == TANH ? f32x4.add(value, value) : value;
      let result = f32x4.div(one, f32x4.add(one, exponentials(f32x4.neg(scaled))));
      if (curve == TANH) result = f32x4.sub(f32x4.add(result, result), one);
      else if (curve == SWISH) result = f32x4.mul(value, result);
      v128.store(out + at, result);
    }
    x += xRow;
    out += outRow;
  }
}

/** e to the power of each number, to 1e-7 of it: Cephes' expf. https://www.netlib.org/cephes/ */
// @ts-ignore: decorator
@inline
function exponentials(x: v128): v128 {
  // Beyond, the power of 2 is not a float.
  const inside = f32x4.max(f32x4.min(x, f32x4.splat(88)), f32x4.splat(-87));
  const power = f32x4.nearest(f32x4.mul(inside, f32x4.splat(1.44269504)));
  let rest = multiplyAdd(power, f32x4.splat(-0.693359375), inside);
  rest = multiplyAdd(power, f32x4.splat(2.12194440e-4), rest);
  let sum = multiplyAdd(f32x4.splat(1.9875691500e-4), rest, f32x4.splat(1.3981999507e-3));
  sum = multiplyAdd(sum, rest, f32x4.splat(8.3334519073e-3));
  sum = multiplyAdd(sum, rest, f32x4.splat(4.1665795894e-2));
  sum = multiplyAdd(sum, rest, f32x4.splat(1.6666665459e-1));
  sum = multiplyAdd(sum, rest, f32x4.splat(5.0000001201e-1));
  sum = multiplyAdd(sum, f32x4.mul(rest, rest), f32x4.add(rest, f32x4.splat(1)));
  const exponent = i32x4.add(i32x4.trunc_sat_f32x4_s(power), i32x4.splat(127));
  return f32x4.mul(sum, i32x4.shl(exponent, 23));
}
