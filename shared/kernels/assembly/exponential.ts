/** Without tables, unlike AssemblyScript's own: the modules have no data. Both are accurate to 1e-12. */

const LOG_2: f64 = 0.6931471805599453;
const SQRT_2: f64 = 1.4142135623730951;

/** e to the power of a number from -700 to 700. */
export function exponential(x: f64): f64 {
  const power = nearest(x / LOG_2);
  const rest = x - power * LOG_2;
  let sum: f64 = 1;
  for (let i = 11; i > 0; i--) sum = 1 + (sum * rest) / i;
  return sum * reinterpret<f64>((<i64>power + 1023) << 52);
}

/** The natural logarithm of a positive number. */
export function logarithm(x: f64): f64 {
  const bits = reinterpret<i64>(x);
  let power = <f64>((bits >> 52) - 1023);
  let mantissa = reinterpret<f64>((bits & 0xfffffffffffff) | 0x3ff0000000000000);
  if (mantissa > SQRT_2) {
    mantissa /= 2;
    power += 1;
  }
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum: f64 = 0;
  for (let i = 15; i > 0; i -= 2) sum = sum * square + 1 / <f64>i;
  return power * LOG_2 + 2 * ratio * sum;
}
