import { multiplyWideRows } from './multiply-wide';
import { PANEL, loadLanes, multiplyAdd, positionOfLargest, storeLanes } from './vector';

/** Rows that share one pass over a panel while both stay in the first-level cache. */
const ROWS_A_PASS: i32 = 256;

/**
 * out[row, column] = activation(bias[column] + Σ left[row, k] * right[k, column])
 *
 * A left row consists of `runs` runs of `runLength` contiguous floats, `runStride` bytes apart, starting at the
 * address `starts[row]`. One run gives a matrix product. A run per filter row over a padded NHWC image gives a
 * convolution without im2col, after "The Indirect Convolution Algorithm" (Dukhan 2019, arXiv:1907.02129). A tile of
 * 4 rows by 8 columns fills the registers of a 128-bit machine without spilling.
 *
 * @param starts `rows` addresses
 * @param right packed by packPanels, [ceil(columns / 8)][runs * runLength][8]
 * @param bias `columns` floats, or 0 for none
 * @param relu 1 to replace negative results with 0
 * @param pool 1 to reduce every four rows to one row of out, the maximum of each column
 * @param out [rows, columns], or [rows / 4, columns]
 * @param positions with `pool` and `relu`, each result's position in its window, int32 [rows / 4, columns]; 0 for none
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
  pool: i32,
  out: usize,
  positions: usize,
): void {
  // In a tile, a single last row would take the time of four. Over 32 columns, it fills the registers as well.
  const alone = (rows & 3) == 1 && columns % (4 * PANEL) == 0 && runs == 1 && !bias && !relu;
  const tiled = alone ? rows - 1 : rows;
  const panelBytes = <usize>(runs * runLength) << 5;
  const outRow = <usize>columns << 2;
  const floor = relu ? f32x4.splat(0) : f32x4.splat(-f32.MAX_VALUE * 2);
  for (let pass = 0; pass < tiled; pass += ROWS_A_PASS) {
    const passEnd = min(pass + ROWS_A_PASS, tiled);
    let panel = right;
    let column = 0;
    if (isDefined(WIDE)) {
      column = columns & ~15;
      multiplyWideRows(
        starts + (<usize>pass << 2), passEnd - pass, runs, runLength, runStride, right, column, bias, relu, pool,
        out + <usize>(pool ? pass >> 2 : pass) * outRow, columns, positions + (positions ? <usize>(pass >> 2) * outRow : 0),
      );
      panel += <usize>(column / PANEL) * panelBytes;
    }
    for (; column < columns; column += PANEL) {
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
        // Rows past the end repeat the first. They are computed but never stored.
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
        if (pool) {
          const target = out + <usize>(row >> 2) * outRow + (<usize>column << 2);
          const low = f32x4.pmax(f32x4.pmax(low0, low1), f32x4.pmax(low2, low3));
          const high = f32x4.pmax(f32x4.pmax(high0, high1), f32x4.pmax(high2, high3));
          storeTileRow(target, f32x4.pmax(low, floor), f32x4.pmax(high, floor), width);
          if (positions) {
            storeTileRow(
              positions + (target - out),
              positionOfLargest(low0, low1, low2, low, low),
              positionOfLargest(high0, high1, high2, high, high),
              width,
            );
          }
          continue;
        }
        let target = out + <usize>row * outRow + (<usize>column << 2);
        storeTileRow(target, f32x4.pmax(low0, floor), f32x4.pmax(high0, floor), width);
        if (live > 1) storeTileRow(target + outRow, f32x4.pmax(low1, floor), f32x4.pmax(high1, floor), width);
        target += outRow * 2;
        if (live > 2) storeTileRow(target, f32x4.pmax(low2, floor), f32x4.pmax(high2, floor), width);
        if (live > 3) storeTileRow(target + outRow, f32x4.pmax(low3, floor), f32x4.pmax(high3, floor), width);
      }
      panel += panelBytes;
    }
  }
  if (alone) {
    const left = <usize>load<u32>(starts + (<usize>tiled << 2));
    multiplyOneRow(left, runLength, right, columns, out + <usize>tiled * outRow);
  }
}

/** One row times four panels at a time, without bias: [depth] * [depth, columns] -> [columns] */
function multiplyOneRow(
  left: usize,
  depth: i32,
  right: usize,
  columns: i32,
  out: usize,
): void {
  const panelBytes = <usize>depth << 5;
  const end = left + (<usize>depth << 2);
  for (let column = 0; column < columns; column += 4 * PANEL) {
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    let sum4 = sum0;
    let sum5 = sum0;
    let sum6 = sum0;
    let sum7 = sum0;
    let weight0 = right;
    let weight1 = weight0 + panelBytes;
    let weight2 = weight1 + panelBytes;
    let weight3 = weight2 + panelBytes;
    for (let from = left; from < end; from += 4) {
      const value = v128.load_splat<f32>(from);
      sum0 = multiplyAdd(value, v128.load(weight0), sum0);
      sum1 = multiplyAdd(value, v128.load(weight0, 16), sum1);
      sum2 = multiplyAdd(value, v128.load(weight1), sum2);
      sum3 = multiplyAdd(value, v128.load(weight1, 16), sum3);
      sum4 = multiplyAdd(value, v128.load(weight2), sum4);
      sum5 = multiplyAdd(value, v128.load(weight2, 16), sum5);
      sum6 = multiplyAdd(value, v128.load(weight3), sum6);
      sum7 = multiplyAdd(value, v128.load(weight3, 16), sum7);
      weight0 += 32;
      weight1 += 32;
      weight2 += 32;
      weight3 += 32;
    }
    v128.store(out, sum0);
    v128.store(out, sum1, 16);
    v128.store(out, sum2, 32);
    v128.store(out, sum3, 48);
    v128.store(out, sum4, 64);
    v128.store(out, sum5, 80);
    v128.store(out, sum6, 96);
    v128.store(out, sum7, 112);
    out += 128;
    right += panelBytes * 4;
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
