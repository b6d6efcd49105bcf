import { multiplyAdd, storeFour } from './vector';

/**
 * The products of winograd-large-products.ts over pairs of panels, for the build whose neighbouring vectors V8 joins
 * (docs/12-how-it-works.md): tiles of 4 rows by 16 columns. The sums are the same, in the same order.
 */

/** multiplyPoint for columns 0 to 15 of right, whose panels are `panelBytes` apart. */
export function multiplyWidePoint(left: usize, rows: i32, leftRow: usize, right: usize, panelBytes: usize, out: usize, outRow: usize): void {
  for (let row = 0; row < rows; row += 4) {
    let a0 = f32x4.splat(0), b0 = a0, c0 = a0, d0 = a0;
    let a1 = a0, b1 = a0, c1 = a0, d1 = a0;
    let a2 = a0, b2 = a0, c2 = a0, d2 = a0;
    let a3 = a0, b3 = a0, c3 = a0, d3 = a0;
    let left0 = left;
    let left1 = left0 + leftRow;
    let left2 = left1 + leftRow;
    let left3 = left2 + leftRow;
    const end = left1;
    let weight = right;
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
    storeFour(out, a0, b0, c0, d0);
    storeFour(out + outRow, a1, b1, c1, d1);
    storeFour(out + outRow * 2, a2, b2, c2, d2);
    storeFour(out + outRow * 3, a3, b3, c3, d3);
    out += outRow * 4;
    left += leftRow * 4;
  }
}

/** addOuterProducts for columns 0 to 15 of right, whose panels are `panelBytes` apart. */
export function addWideOuterProducts(left: usize, leftRow: usize, right: usize, panelBytes: usize, out: usize, outRow: usize): void {
  const end = right + panelBytes;
  for (let input: usize = 0; input < leftRow; input += 16) {
    const out1 = out + outRow;
    const out2 = out1 + outRow;
    const out3 = out2 + outRow;
    let a0 = v128.load(out);
    let b0 = v128.load(out, 16);
    let c0 = v128.load(out, 32);
    let d0 = v128.load(out, 48);
    let a1 = v128.load(out1);
    let b1 = v128.load(out1, 16);
    let c1 = v128.load(out1, 32);
    let d1 = v128.load(out1, 48);
    let a2 = v128.load(out2);
    let b2 = v128.load(out2, 16);
    let c2 = v128.load(out2, 32);
    let d2 = v128.load(out2, 48);
    let a3 = v128.load(out3);
    let b3 = v128.load(out3, 16);
    let c3 = v128.load(out3, 32);
    let d3 = v128.load(out3, 48);
    let from = left + input;
    for (let panel = right; panel < end; panel += 32) {
      const other = panel + panelBytes;
      const a = v128.load(panel);
      const b = v128.load(panel, 16);
      const c = v128.load(other);
      const d = v128.load(other, 16);
      let value = v128.load_splat<f32>(from);
      a0 = multiplyAdd(value, a, a0);
      b0 = multiplyAdd(value, b, b0);
      c0 = multiplyAdd(value, c, c0);
      d0 = multiplyAdd(value, d, d0);
      value = v128.load_splat<f32>(from, 4);
      a1 = multiplyAdd(value, a, a1);
      b1 = multiplyAdd(value, b, b1);
      c1 = multiplyAdd(value, c, c1);
      d1 = multiplyAdd(value, d, d1);
      value = v128.load_splat<f32>(from, 8);
      a2 = multiplyAdd(value, a, a2);
      b2 = multiplyAdd(value, b, b2);
      c2 = multiplyAdd(value, c, c2);
      d2 = multiplyAdd(value, d, d2);
      value = v128.load_splat<f32>(from, 12);
      a3 = multiplyAdd(value, a, a3);
      b3 = multiplyAdd(value, b, b3);
      c3 = multiplyAdd(value, c, c3);
      d3 = multiplyAdd(value, d, d3);
      from += leftRow;
    }
    storeFour(out, a0, b0, c0, d0);
    storeFour(out1, a1, b1, c1, d1);
    storeFour(out2, a2, b2, c2, d2);
    storeFour(out3, a3, b3, c3, d3);
    out = out3 + outRow;
  }
}
