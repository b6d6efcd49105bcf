import { multiplyAdd, PANEL, positionOfLargest, storeFour } from './vector';

/**
 * multiplyRows over pairs of panels, for the build whose neighbouring vectors V8 joins (docs/12-how-it-works.md): tiles of 4 rows by 16
 * columns, which fill the registers of a 256-bit machine. The sums are the same, in the same order.
 *
 * @param columns a multiple of 16
 * @param outColumns columns of out, which are at least as many
 */
export function multiplyWideRows(
  starts: usize,
  rows: i32,
  runs: i32,
  runLength: i32,
  runStride: i32,
  right: usize,
  columns: i32,
  bias: usize,
  relu: i32,
  pool: i32,
  out: usize,
  outColumns: i32,
  positions: usize,
): void {
  const panelBytes = <usize>(runs * runLength) << 5;
  const outRow = <usize>outColumns << 2;
  const skip = <usize>runStride - (<usize>runLength << 2);
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-f32.MAX_VALUE * 2);
  const hasBias = i32x4.splat(bias ? -1 : 0);
  for (let column = 0; column < columns; column += 2 * PANEL) {
    const at = <usize>column << 2;
    for (let row = 0; row < rows; row += 4) {
      const live = rows - row;
      const address = starts + (<usize>row << 2);
      // Rows past the end repeat the first. They are computed but never stored.
      let left0 = <usize>load<u32>(address);
      let left1 = live > 1 ? <usize>load<u32>(address, 4) : left0;
      let left2 = live > 2 ? <usize>load<u32>(address, 8) : left0;
      let left3 = live > 3 ? <usize>load<u32>(address, 12) : left0;
      // Without a branch, after which the four would no longer be two pairs.
      const start = bias ? bias + at : right;
      let a0 = v128.and(hasBias, v128.load(start));
      let b0 = v128.and(hasBias, v128.load(start, 16));
      let c0 = v128.and(hasBias, v128.load(start, 32));
      let d0 = v128.and(hasBias, v128.load(start, 48));
      let a1 = a0, b1 = b0, c1 = c0, d1 = d0;
      let a2 = a0, b2 = b0, c2 = c0, d2 = d0;
      let a3 = a0, b3 = b0, c3 = c0, d3 = d0;
      let weight = right;
      for (let run = 0; run < runs; run++) {
        const end = left0 + (<usize>runLength << 2);
        while (left0 < end) {
          const other = weight + panelBytes;
          const a = v128.load(weight);
          const b = v128.load(weight, 16);
          const c = v128.load(other);
          const d = v128.load(other, 16);
          let value = v128.load_splat<f32>(left0);
          a0 = multiplyAdd(value, a, a0);
          b0 = multiplyAdd(value, b, b0);
          c0 = multiplyAdd(value, c, c0);
          d0 = multiplyAdd(value, d, d0);
          value = v128.load_splat<f32>(left1);
          a1 = multiplyAdd(value, a, a1);
          b1 = multiplyAdd(value, b, b1);
          c1 = multiplyAdd(value, c, c1);
          d1 = multiplyAdd(value, d, d1);
          value = v128.load_splat<f32>(left2);
          a2 = multiplyAdd(value, a, a2);
          b2 = multiplyAdd(value, b, b2);
          c2 = multiplyAdd(value, c, c2);
          d2 = multiplyAdd(value, d, d2);
          value = v128.load_splat<f32>(left3);
          a3 = multiplyAdd(value, a, a3);
          b3 = multiplyAdd(value, b, b3);
          c3 = multiplyAdd(value, c, c3);
          d3 = multiplyAdd(value, d, d3);
          left0 += 4;
          left1 += 4;
          left2 += 4;
          left3 += 4;
          weight += 32;
        }
        left0 += skip;
        left1 += skip;
        left2 += skip;
        left3 += skip;
      }
      if (pool) {
        const target = <usize>(row >> 2) * outRow + at;
        const a = f32x4.pmax(f32x4.pmax(a0, a1), f32x4.pmax(a2, a3));
        const b = f32x4.pmax(f32x4.pmax(b0, b1), f32x4.pmax(b2, b3));
        const c = f32x4.pmax(f32x4.pmax(c0, c1), f32x4.pmax(c2, c3));
        const d = f32x4.pmax(f32x4.pmax(d0, d1), f32x4.pmax(d2, d3));
        storeFour(out + target, f32x4.pmax(a, floor), f32x4.pmax(b, floor), f32x4.pmax(c, floor), f32x4.pmax(d, floor));
        if (positions) {
          storeFour(
            positions + target,
            positionOfLargest(a0, a1, a2, a, a),
            positionOfLargest(b0, b1, b2, b, b),
            positionOfLargest(c0, c1, c2, c, c),
            positionOfLargest(d0, d1, d2, d, d),
          );
        }
        continue;
      }
      let target = out + <usize>row * outRow + at;
      storeFour(target, f32x4.pmax(a0, floor), f32x4.pmax(b0, floor), f32x4.pmax(c0, floor), f32x4.pmax(d0, floor));
      target += outRow;
      if (live > 1) storeFour(target, f32x4.pmax(a1, floor), f32x4.pmax(b1, floor), f32x4.pmax(c1, floor), f32x4.pmax(d1, floor));
      target += outRow;
      if (live > 2) storeFour(target, f32x4.pmax(a2, floor), f32x4.pmax(b2, floor), f32x4.pmax(c2, floor), f32x4.pmax(d2, floor));
      target += outRow;
      if (live > 3) storeFour(target, f32x4.pmax(a3, floor), f32x4.pmax(b3, floor), f32x4.pmax(c3, floor), f32x4.pmax(d3, floor));
    }
    right += panelBytes * 2;
  }
}
