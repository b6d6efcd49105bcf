import { sumWideTile } from './outer-wide';
import { packPanels } from './pack';
import { loadLanes, multiplyAdd, PANEL, storeLanes } from './vector';

/** Rows whose products are summed before the sums go back to memory. */
const ROWS_A_PASS: i32 = 256;

/** Bytes of scratch memory that sumOuterProducts takes for that many columns. */
export function outerScratchBytes(columns: i32): i32 {
  return (((columns + PANEL - 1) / PANEL) * PANEL * ROWS_A_PASS) << 2;
}

/**
 * out[k, column] = Σ over rows of left[row, k] * right[row, column]: the product with the transposed left matrix.
 * With left rows as in multiplyRows, it is a convolution's filter gradient.
 *
 * @param right row-major [rows, columns]
 * @param scratch outerScratchBytes(columns) bytes
 * @param out [runs * runLength, columns]
 */
export function sumOuterProducts(
  starts: usize,
  rows: i32,
  runs: i32,
  runLength: i32,
  runStride: i32,
  right: usize,
  columns: i32,
  scratch: usize,
  out: usize,
): void {
  const outRow = <usize>columns << 2;
  for (let pass = 0; pass < rows; pass += ROWS_A_PASS) {
    const count = min(ROWS_A_PASS, rows - pass);
    const panelBytes = count << 5;
    packPanels(right + <usize>pass * outRow, count, columns, columns, 1, scratch, panelBytes);
    const first = starts + (<usize>pass << 2);
    const end = first + (<usize>count << 2);
    let panel = scratch;
    let column = 0;
    if (isDefined(WIDE)) {
      // Rows of out are written from end to end.
      column = columns & ~(2 * PANEL - 1);
      for (let run = 0; run < runs; run++) {
        for (let k = 0; k < runLength; k += 4) {
          const row = out + <usize>(run * runLength + k) * outRow;
          const rowEnd = row + (<usize>column << 2);
          const offset = <usize>(run * runStride) + (<usize>k << 2);
          const live = min(4, runLength - k);
          panel = scratch;
          for (let target = row; target < rowEnd; target += 64) {
            sumWideTile(pass > 0, first, end, offset, panel, panelBytes, target, outRow, live);
            panel += <usize>panelBytes * 2;
          }
        }
      }
    }
    for (; column < columns; column += PANEL) {
      const width = min(PANEL, columns - column);
      for (let run = 0; run < runs; run++) {
        for (let k = 0; k < runLength; k += 4) {
          const target =
            out + <usize>(run * runLength + k) * outRow + (<usize>column << 2);
          const offset = <usize>(run * runStride) + (<usize>k << 2);
          sumTile(pass > 0, first, end, offset, panel, target, outRow, min(4, runLength - k), width);
        }
      }
      panel += <usize>panelBytes;
    }
  }
}

/** @param accumulates true: adds to the values at the target */
function sumTile(
  accumulates: boolean,
  first: usize,
  end: usize,
  offset: usize,
  panel: usize,
  target: usize,
  outRow: usize,
  live: i32,
  width: i32,
): void {
  const target1 = target + outRow;
  const target2 = target1 + outRow;
  const target3 = target2 + outRow;
  let low0 = f32x4.splat(0);
  let high0 = low0;
  let low1 = low0;
  let high1 = low0;
  let low2 = low0;
  let high2 = low0;
  let low3 = low0;
  let high3 = low0;
  if (accumulates) {
    low0 = loadLanes(target, width);
    high0 = loadLanes(target + 16, width - 4);
    if (live > 1) {
      low1 = loadLanes(target1, width);
      high1 = loadLanes(target1 + 16, width - 4);
    }
    if (live > 2) {
      low2 = loadLanes(target2, width);
      high2 = loadLanes(target2 + 16, width - 4);
    }
    if (live > 3) {
      low3 = loadLanes(target3, width);
      high3 = loadLanes(target3 + 16, width - 4);
    }
  }
  for (let start = first; start < end; start += 4) {
    // Reads past the end of a run shorter than four, but never stores those results.
    const left = <usize>load<u32>(start) + offset;
    const rightLow = v128.load(panel);
    const rightHigh = v128.load(panel, 16);
    let value = v128.load_splat<f32>(left);
    low0 = multiplyAdd(value, rightLow, low0);
    high0 = multiplyAdd(value, rightHigh, high0);
    value = v128.load_splat<f32>(left, 4);
    low1 = multiplyAdd(value, rightLow, low1);
    high1 = multiplyAdd(value, rightHigh, high1);
    value = v128.load_splat<f32>(left, 8);
    low2 = multiplyAdd(value, rightLow, low2);
    high2 = multiplyAdd(value, rightHigh, high2);
    value = v128.load_splat<f32>(left, 12);
    low3 = multiplyAdd(value, rightLow, low3);
    high3 = multiplyAdd(value, rightHigh, high3);
    panel += 32;
  }
  storeLanes(target, low0, width);
  storeLanes(target + 16, high0, width - 4);
  if (live > 1) {
    storeLanes(target1, low1, width);
    storeLanes(target1 + 16, high1, width - 4);
  }
  if (live > 2) {
    storeLanes(target2, low2, width);
    storeLanes(target2 + 16, high2, width - 4);
  }
  if (live > 3) {
    storeLanes(target3, low3, width);
    storeLanes(target3 + 16, high3, width - 4);
  }
}
