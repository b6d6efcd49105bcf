import { multiplyAdd } from './vector';
import { addWideOuterProducts, multiplyWidePoint } from './winograd-large-wide';

/**
 * One point: left [rows, depth] * right, panels [columns / 8][depth][8] -> out [rows, columns]. Rows past the end, up to a multiple of 4,
 * are computed too. Unrolled further, Binaryen would move more loads to the front than there are registers for. multiplyRows, which takes
 * an address per row, computes the same bits, but was mostly 2 to 13 % slower.
 *
 * @param depth a multiple of 4
 */
export function multiplyPoint(left: usize, rows: i32, depth: i32, right: usize, columns: i32, out: usize): void {
  const leftRow = <usize>depth << 2;
  const outRow = <usize>columns << 2;
  let column: usize = 0;
  if (isDefined(WIDE)) {
    for (; column + 64 <= outRow; column += 64) {
      multiplyWidePoint(left, rows, leftRow, right, leftRow * 8, out + column, outRow);
      right += leftRow * 16;
    }
  }
  for (; column < outRow; column += 32) {
    let target = out + column;
    let row0 = left;
    for (let row = 0; row < rows; row += 4) {
      let low0 = f32x4.splat(0);
      let low1 = low0;
      let low2 = low0;
      let low3 = low0;
      let high0 = low0;
      let high1 = low0;
      let high2 = low0;
      let high3 = low0;
      let left0 = row0;
      let left1 = left0 + leftRow;
      let left2 = left1 + leftRow;
      let left3 = left2 + leftRow;
      const end = left1;
      let weight = right;
      while (left0 < end) {
        let weightLow = v128.load(weight);
        let weightHigh = v128.load(weight, 16);
        let value = v128.load_splat<f32>(left0);
        low0 = multiplyAdd(value, weightLow, low0);
        high0 = multiplyAdd(value, weightHigh, high0);
        value = v128.load_splat<f32>(left1);
        low1 = multiplyAdd(value, weightLow, low1);
        high1 = multiplyAdd(value, weightHigh, high1);
        value = v128.load_splat<f32>(left2);
        low2 = multiplyAdd(value, weightLow, low2);
        high2 = multiplyAdd(value, weightHigh, high2);
        value = v128.load_splat<f32>(left3);
        low3 = multiplyAdd(value, weightLow, low3);
        high3 = multiplyAdd(value, weightHigh, high3);
        weightLow = v128.load(weight, 32);
        weightHigh = v128.load(weight, 48);
        value = v128.load_splat<f32>(left0, 4);
        low0 = multiplyAdd(value, weightLow, low0);
        high0 = multiplyAdd(value, weightHigh, high0);
        value = v128.load_splat<f32>(left1, 4);
        low1 = multiplyAdd(value, weightLow, low1);
        high1 = multiplyAdd(value, weightHigh, high1);
        value = v128.load_splat<f32>(left2, 4);
        low2 = multiplyAdd(value, weightLow, low2);
        high2 = multiplyAdd(value, weightHigh, high2);
        value = v128.load_splat<f32>(left3, 4);
        low3 = multiplyAdd(value, weightLow, low3);
        high3 = multiplyAdd(value, weightHigh, high3);
        left0 += 8;
        left1 += 8;
        left2 += 8;
        left3 += 8;
        weight += 64;
      }
      v128.store(target, low0);
      v128.store(target, high0, 16);
      target += outRow;
      v128.store(target, low1);
      v128.store(target, high1, 16);
      target += outRow;
      v128.store(target, low2);
      v128.store(target, high2, 16);
      target += outRow;
      v128.store(target, low3);
      v128.store(target, high3, 16);
      target += outRow;
      row0 += leftRow * 4;
    }
    right += leftRow * 8;
  }
}

/** One point: out[input, output] += Σ over rows of left[row, input] * right[row, output], where right is in panels [outputs / 8][rows][8]. */
export function addOuterProducts(left: usize, rows: i32, inputs: i32, right: usize, outputs: i32, out: usize): void {
  const leftRow = <usize>inputs << 2;
  const outRow = <usize>outputs << 2;
  const panelBytes = <usize>rows << 5;
  let column: usize = 0;
  if (isDefined(WIDE)) {
    for (; column + 64 <= outRow; column += 64) {
      addWideOuterProducts(left, leftRow, right, panelBytes, out + column, outRow);
      right += panelBytes * 2;
    }
  }
  for (; column < outRow; column += 32) {
    const end = right + panelBytes;
    let target = out + column;
    for (let input: usize = 0; input < leftRow; input += 16) {
      const target1 = target + outRow;
      const target2 = target1 + outRow;
      const target3 = target2 + outRow;
      let low0 = v128.load(target);
      let high0 = v128.load(target, 16);
      let low1 = v128.load(target1);
      let high1 = v128.load(target1, 16);
      let low2 = v128.load(target2);
      let high2 = v128.load(target2, 16);
      let low3 = v128.load(target3);
      let high3 = v128.load(target3, 16);
      let from = left + input;
      for (let panel = right; panel < end; panel += 32) {
        const rightLow = v128.load(panel);
        const rightHigh = v128.load(panel, 16);
        let value = v128.load_splat<f32>(from);
        low0 = multiplyAdd(value, rightLow, low0);
        high0 = multiplyAdd(value, rightHigh, high0);
        value = v128.load_splat<f32>(from, 4);
        low1 = multiplyAdd(value, rightLow, low1);
        high1 = multiplyAdd(value, rightHigh, high1);
        value = v128.load_splat<f32>(from, 8);
        low2 = multiplyAdd(value, rightLow, low2);
        high2 = multiplyAdd(value, rightHigh, high2);
        value = v128.load_splat<f32>(from, 12);
        low3 = multiplyAdd(value, rightLow, low3);
        high3 = multiplyAdd(value, rightHigh, high3);
        from += leftRow;
      }
      v128.store(target, low0);
      v128.store(target, high0, 16);
      v128.store(target1, low1);
      v128.store(target1, high1, 16);
      v128.store(target2, low2);
      v128.store(target2, high2, 16);
      v128.store(target3, low3);
      v128.store(target3, high3, 16);
      target = target3 + outRow;
    }
    right += panelBytes;
  }
}
