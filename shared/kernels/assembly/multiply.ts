import { loadLanes, multiplyAdd, PANEL, storeLanes } from './vector';

/** Rows that share one pass over a panel while both stay in the first-level cache. */
const ROWS_A_PASS: i32 = 256;

/**
 * out[row, column] = activation(bias[column] + Σ left[row, k] * right[k, column])
 *
 * A left row is `runs` runs of `runLength` contiguous floats, `runStride` bytes apart, that start at the
 * address `starts[row]`. With one run this is a matrix product; with a run per filter row over a padded
 * NHWC image it is a convolution without im2col, after "The Indirect Convolution Algorithm"
 * (Dukhan 2019, arXiv:1907.02129). The tile of 4 rows by 8 columns fills the registers of a 128-bit
 * machine without spilling.
 *
 * @param starts `rows` addresses
 * @param right packed by packPanels, [ceil(columns / 8)][runs * runLength][8]
 * @param bias `columns` floats, or 0 for none
 * @param relu 1: negative results become 0
 * @param out [rows, columns]
 */
export function multiplyRows(
  starts: usize,
  rows: i32,
  runs: i32,
  runLength: i32,
  runStride: i32,
  right: usize,
  columns: i32,
  bias: usize,
  relu: i32,
  out: usize,
): void {
  const panelBytes = <usize>(runs * runLength) << 5;
  const outRow = <usize>columns << 2;
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-f32.MAX_VALUE * 2);
  for (let pass = 0; pass < rows; pass += ROWS_A_PASS) {
    const passEnd = min(pass + ROWS_A_PASS, rows);
    let panel = right;
    for (let column = 0; column < columns; column += PANEL) {
      const width = min(PANEL, columns - column);
      let biasLow = f32x4.splat(0);
      let biasHigh = f32x4.splat(0);
      if (bias) {
        biasLow = loadLanes(bias + (<usize>column << 2), width);
        biasHigh = loadLanes(bias + (<usize>(column + 4) << 2), width - 4);
      }
      for (let row = pass; row < passEnd; row += 4) {
        const live = passEnd - row;
        const address = starts + (<usize>row << 2);
        // Rows past the end repeat the first: computed, never stored.
        let left0 = <usize>load<u32>(address);
        let left1 = live > 1 ? <usize>load<u32>(address, 4) : left0;
        let left2 = live > 2 ? <usize>load<u32>(address, 8) : left0;
        let left3 = live > 3 ? <usize>load<u32>(address, 12) : left0;
        let low0 = biasLow;
        let low1 = biasLow;
        let low2 = biasLow;
        let low3 = biasLow;
        let high0 = biasHigh;
        let high1 = biasHigh;
        let high2 = biasHigh;
        let high3 = biasHigh;
        let weight = panel;
        const skip = <usize>runStride - (<usize>runLength << 2);
        for (let run = 0; run < runs; run++) {
          const end = left0 + (<usize>runLength << 2);
          const unrolledEnd = left0 + (<usize>(runLength & ~1) << 2);
          while (left0 < unrolledEnd) {
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
          if (left0 < end) {
            const weightLow = v128.load(weight);
            const weightHigh = v128.load(weight, 16);
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
        let target = out + <usize>row * outRow + (<usize>column << 2);
        storeTileRow(target, f32x4.max(low0, floor), f32x4.max(high0, floor), width);
        if (live > 1) storeTileRow(target + outRow, f32x4.max(low1, floor), f32x4.max(high1, floor), width);
        target += outRow * 2;
        if (live > 2) storeTileRow(target, f32x4.max(low2, floor), f32x4.max(high2, floor), width);
        if (live > 3) storeTileRow(target + outRow, f32x4.max(low3, floor), f32x4.max(high3, floor), width);
      }
      panel += panelBytes;
    }
  }
}

// @ts-ignore: decorator
@inline
function storeTileRow(target: usize, low: v128, high: v128, width: i32): void {
  if (width == PANEL) {
    v128.store(target, low);
    v128.store(target, high, 16);
  } else {
    storeLanes(target, low, width);
    storeLanes(target + 16, high, width - 4);
  }
}
