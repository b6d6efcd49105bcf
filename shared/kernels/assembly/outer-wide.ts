import { multiplyAdd, storeFour } from './vector';

/**
 * sumTile of outer.ts over a pair of panels, for the build whose neighbouring vectors V8 joins (docs/12-how-it-works.md): 4 values of left
 * by 16 columns. The sums are the same, in the same order.
 *
 * @param accumulates true: adds to the values at the target
 */
export function sumWideTile(
  accumulates: boolean,
  first: usize,
  end: usize,
  offset: usize,
  panel: usize,
  panelBytes: usize,
  target: usize,
  outRow: usize,
  live: i32,
): void {
  // Without branches, after which the vectors would no longer be pairs. Rows past the end repeat the first, and are not stored.
  const target1 = live > 1 ? target + outRow : target;
  const target2 = live > 2 ? target + outRow * 2 : target;
  const target3 = live > 3 ? target + outRow * 3 : target;
  const mask = i32x4.splat(accumulates ? -1 : 0);
  let a0 = v128.and(mask, v128.load(target));
  let b0 = v128.and(mask, v128.load(target, 16));
  let c0 = v128.and(mask, v128.load(target, 32));
  let d0 = v128.and(mask, v128.load(target, 48));
  let a1 = v128.and(mask, v128.load(target1));
  let b1 = v128.and(mask, v128.load(target1, 16));
  let c1 = v128.and(mask, v128.load(target1, 32));
  let d1 = v128.and(mask, v128.load(target1, 48));
  let a2 = v128.and(mask, v128.load(target2));
  let b2 = v128.and(mask, v128.load(target2, 16));
  let c2 = v128.and(mask, v128.load(target2, 32));
  let d2 = v128.and(mask, v128.load(target2, 48));
  let a3 = v128.and(mask, v128.load(target3));
  let b3 = v128.and(mask, v128.load(target3, 16));
  let c3 = v128.and(mask, v128.load(target3, 32));
  let d3 = v128.and(mask, v128.load(target3, 48));
  for (let start = first; start < end; start += 4) {
    const left = <usize>load<u32>(start) + offset;
    const other = panel + panelBytes;
    const a = v128.load(panel);
    const b = v128.load(panel, 16);
    const c = v128.load(other);
    const d = v128.load(other, 16);
    let value = v128.load_splat<f32>(left);
    a0 = multiplyAdd(value, a, a0);
    b0 = multiplyAdd(value, b, b0);
    c0 = multiplyAdd(value, c, c0);
    d0 = multiplyAdd(value, d, d0);
    value = v128.load_splat<f32>(left, 4);
    a1 = multiplyAdd(value, a, a1);
    b1 = multiplyAdd(value, b, b1);
    c1 = multiplyAdd(value, c, c1);
    d1 = multiplyAdd(value, d, d1);
    value = v128.load_splat<f32>(left, 8);
    a2 = multiplyAdd(value, a, a2);
    b2 = multiplyAdd(value, b, b2);
    c2 = multiplyAdd(value, c, c2);
    d2 = multiplyAdd(value, d, d2);
    value = v128.load_splat<f32>(left, 12);
    a3 = multiplyAdd(value, a, a3);
    b3 = multiplyAdd(value, b, b3);
    c3 = multiplyAdd(value, c, c3);
    d3 = multiplyAdd(value, d, d3);
    panel += 32;
  }
  storeFour(target, a0, b0, c0, d0);
  if (live > 1) storeFour(target1, a1, b1, c1, d1);
  if (live > 2) storeFour(target2, a2, b2, c2, d2);
  if (live > 3) storeFour(target3, a3, b3, c3, d3);
}
