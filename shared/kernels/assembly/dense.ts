import { multiplyAdd } from './vector';

/** Columns of a dense layer's panel: eight vectors, one accumulator each. */
const WIDE: i32 = 32;

/** Bytes of the packed weights of a dense layer. */
export function denseBytes(depth: i32, columns: i32): i32 {
  return (((columns + WIDE - 1) / WIDE) * WIDE * depth) << 2;
}

/**
 * Copies rows of weights [depth, columns] into panels of 32 columns, [ceil(columns / 32)][depth][32]. Missing columns
 * become 0.
 *
 * @param weights the first row to copy
 * @param rows the number of rows, from 1 to depth
 * @param target the address of the first row in the first panel
 */
export function packDense(
  weights: usize,
  rows: i32,
  depth: i32,
  columns: i32,
  target: usize,
): void {
  const rowBytes = <usize>columns << 2;
  const panelBytes = <usize>depth << 7;
  for (let first = 0; first < columns; first += WIDE) {
    const width = min(WIDE, columns - first);
    let from = weights + (<usize>first << 2);
    let to = target;
    for (let row = 0; row < rows; row++) {
      let column = 0;
      for (; column + 4 <= width; column += 4) {
        v128.store(to + (<usize>column << 2), v128.load(from + (<usize>column << 2)));
      }
      for (; column < WIDE; column++) {
        const value = column < width ? load<f32>(from + (<usize>column << 2)) : <f32>0;
        store<f32>(to + (<usize>column << 2), value);
      }
      from += rowBytes;
      to += 128;
    }
    target += panelBytes;
  }
}

/**
 * out = activation(x weights + bias). It skips the rows of weights that are multiplied by a zero of x: after ReLU, that is
 * about half of them. Skipping is exact because models with weights that are not finite are refused.
 *
 * @param x [rows, depth]
 * @param weights from packDense
 * @param bias 32 * ceil(columns / 32) floats
 * @param relu 1 or 0
 * @param scratch (depth + 1) * 8 bytes
 * @param out [rows, outStride], outStride = 32 * ceil(columns / 32)
 */
export function denseRows(
  x: usize,
  rows: i32,
  depth: i32,
  weights: usize,
  columns: i32,
  bias: usize,
  relu: i32,
  scratch: usize,
  out: usize,
): void {
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-f32.MAX_VALUE);
  const panels = (columns + WIDE - 1) / WIDE;
  const panelBytes = <usize>depth << 7;
  for (let row = 0; row < rows; row++) {
    const source = x + (<usize>(row * depth) << 2);
    // Keeps two numbers per value that is not zero: the value and the offset of its weights in a panel.
    let end = scratch;
    for (let k = 0; k < depth; k++) {
      const value = load<f32>(source + (<usize>k << 2));
      store<f32>(end, value);
      store<u32>(end, <u32>k << 7, 4);
      end += value != 0 ? 8 : 0;
    }
    for (let panel = 0; panel < panels; panel++) {
      const base = weights + <usize>panel * panelBytes;
      const biasAt = bias + (<usize>panel << 7);
      let sum0 = v128.load(biasAt);
      let sum1 = v128.load(biasAt, 16);
      let sum2 = v128.load(biasAt, 32);
      let sum3 = v128.load(biasAt, 48);
      let sum4 = v128.load(biasAt, 64);
      let sum5 = v128.load(biasAt, 80);
      let sum6 = v128.load(biasAt, 96);
      let sum7 = v128.load(biasAt, 112);
      for (let entry = scratch; entry < end; entry += 8) {
        const value = v128.load_splat<f32>(entry);
        const weight = base + <usize>load<u32>(entry, 4);
        sum0 = multiplyAdd(value, v128.load(weight), sum0);
        sum1 = multiplyAdd(value, v128.load(weight, 16), sum1);
        sum2 = multiplyAdd(value, v128.load(weight, 32), sum2);
        sum3 = multiplyAdd(value, v128.load(weight, 48), sum3);
        sum4 = multiplyAdd(value, v128.load(weight, 64), sum4);
        sum5 = multiplyAdd(value, v128.load(weight, 80), sum5);
        sum6 = multiplyAdd(value, v128.load(weight, 96), sum6);
        sum7 = multiplyAdd(value, v128.load(weight, 112), sum7);
      }
      v128.store(out, f32x4.pmax(sum0, floor));
      v128.store(out, f32x4.pmax(sum1, floor), 16);
      v128.store(out, f32x4.pmax(sum2, floor), 32);
      v128.store(out, f32x4.pmax(sum3, floor), 48);
      v128.store(out, f32x4.pmax(sum4, floor), 64);
      v128.store(out, f32x4.pmax(sum5, floor), 80);
      v128.store(out, f32x4.pmax(sum6, floor), 96);
      v128.store(out, f32x4.pmax(sum7, floor), 112);
      out += 128;
    }
  }
}
