import { PANEL, multiplyAdd } from './vector';

/**
 * Computes U = G g Gᵀ for every input and output channel: [36][outChannels / 8][inChannels][8].
 *
 * @param filter [3, 3, inChannels, outChannels]
 * @param outChannels a multiple of 8
 */
export function largeTilesFilter(filter: usize, inChannels: i32, outChannels: i32, scratch: usize, target: usize): void {
  const tap = <usize>(inChannels * outChannels) << 2;
  const panelBytes = <usize>(inChannels * PANEL) << 2;
  for (let input = 0; input < inChannels; input++) {
    for (let output = 0; output < outChannels; output += 4) {
      const to = target + <usize>(output / PANEL) * panelBytes + (<usize>(input * PANEL + (output % PANEL)) << 2);
      for (let column: usize = 0; column < 3; column++) {
        const from = filter + tap * column;
        spreadFilter(v128.load(from), v128.load(from + tap * 3), v128.load(from + tap * 6), scratch + column * 16, 48);
      }
      for (let row: usize = 0; row < 6; row++) {
        const from = scratch + row * 48;
        spreadFilter(v128.load(from), v128.load(from, 16), v128.load(from, 32), to + tap * 6 * row, tap);
      }
      filter += 16;
    }
  }
}

/** G: three numbers to six points. */
// @ts-ignore: decorator
@inline
function spreadFilter(a: v128, b: v128, c: v128, to: usize, step: usize): void {
  const ends = f32x4.mul(f32x4.add(a, c), f32x4.splat(-1.0 / 6));
  const middle = f32x4.mul(b, f32x4.splat(1.0 / 6));
  const wide = multiplyAdd(a, f32x4.splat(1.0 / 24), f32x4.mul(c, f32x4.splat(1.0 / 6)));
  const half = f32x4.mul(b, f32x4.splat(1.0 / 12));
  v128.store(to, f32x4.mul(a, f32x4.splat(0.25)));
  v128.store(to + step, f32x4.sub(ends, middle));
  v128.store(to + step * 2, f32x4.add(ends, middle));
  v128.store(to + step * 3, f32x4.add(wide, half));
  v128.store(to + step * 4, f32x4.sub(wide, half));
  v128.store(to + step * 5, c);
}

/** Gᵀ u G for every pair of channels. */
export function gatherFilter(sums: usize, filterBytes: usize, scratch: usize, dfilter: usize): void {
  for (let at: usize = 0; at < filterBytes; at += 16) {
    let from = sums + at;
    for (let to = scratch; to < scratch + 96; to += 16) {
      gatherTaps(
        v128.load(from), v128.load(from + filterBytes * 6), v128.load(from + filterBytes * 12),
        v128.load(from + filterBytes * 18), v128.load(from + filterBytes * 24), v128.load(from + filterBytes * 30), to, 96,
      );
      from += filterBytes;
    }
    let to = dfilter + at;
    for (let half = scratch; half < scratch + 288; half += 96) {
      gatherTaps(
        v128.load(half), v128.load(half, 16), v128.load(half, 32),
        v128.load(half, 48), v128.load(half, 64), v128.load(half, 80), to, filterBytes,
      );
      to += filterBytes * 3;
    }
  }
}

/** Gᵀ: six points to three numbers. */
// @ts-ignore: decorator
@inline
function gatherTaps(u0: v128, u1: v128, u2: v128, u3: v128, u4: v128, u5: v128, to: usize, step: usize): void {
  const near = f32x4.mul(f32x4.add(u1, u2), f32x4.splat(-1.0 / 6));
  const far = f32x4.add(u3, u4);
  const nearOdd = f32x4.mul(f32x4.sub(u2, u1), f32x4.splat(1.0 / 6));
  const farOdd = f32x4.sub(u3, u4);
  v128.store(to, multiplyAdd(u0, f32x4.splat(0.25), multiplyAdd(far, f32x4.splat(1.0 / 24), near)));
  v128.store(to + step, multiplyAdd(farOdd, f32x4.splat(1.0 / 12), nearOdd));
  v128.store(to + step * 2, multiplyAdd(far, f32x4.splat(1.0 / 6), f32x4.add(near, u5)));
}
