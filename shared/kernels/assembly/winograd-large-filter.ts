import { PANEL, multiplyAdd, storePair } from './vector';
import { PAIR, TILE_ROW, filterPointBytes } from './winograd-large-tiles';

/**
 * Computes U = G g Gᵀ for every input and output channel: 36 points, filterPointBytes apart, of [outChannels / 8][inChannels][8]. The
 * input channels are the inner loop, so that it fills the lines of each point one after the other.
 *
 * @param filter [3, 3, inChannels, outChannels]
 * @param outChannels a multiple of 8
 */
export function largeTilesFilter(filter: usize, inChannels: i32, outChannels: i32, scratch: usize, target: usize): void {
  const tap = <usize>(inChannels * outChannels) << 2;
  const inputBytes = <usize>outChannels << 2;
  const point = filterPointBytes(inChannels, outChannels);
  for (let output = 0; output < outChannels; output += PANEL) {
    let source = filter + (<usize>output << 2);
    for (let input = 0; input < inChannels; input++) {
      for (let column: usize = 0; column < 3; column++) {
        spreadFilter(source + tap * column, tap * 3, scratch + column * PAIR, TILE_ROW);
      }
      for (let row: usize = 0; row < 6; row++) {
        spreadFilter(scratch + row * TILE_ROW, PAIR, target + point * 6 * row, point);
      }
      source += inputBytes;
      target += PAIR;
    }
  }
}

/** G: three numbers to six points, of eight channels. */
// @ts-ignore: decorator
@inline
function spreadFilter(from: usize, fromStep: usize, to: usize, step: usize): void {
  const a0 = v128.load(from);
  const b0 = v128.load(from, 16);
  const a1 = v128.load(from + fromStep);
  const b1 = v128.load(from + fromStep, 16);
  const a2 = v128.load(from + fromStep * 2);
  const b2 = v128.load(from + fromStep * 2, 16);
  const endsA = f32x4.mul(f32x4.add(a0, a2), f32x4.splat(-1.0 / 6));
  const endsB = f32x4.mul(f32x4.add(b0, b2), f32x4.splat(-1.0 / 6));
  const middleA = f32x4.mul(a1, f32x4.splat(1.0 / 6));
  const middleB = f32x4.mul(b1, f32x4.splat(1.0 / 6));
  const wideA = multiplyAdd(a0, f32x4.splat(1.0 / 24), f32x4.mul(a2, f32x4.splat(1.0 / 6)));
  const wideB = multiplyAdd(b0, f32x4.splat(1.0 / 24), f32x4.mul(b2, f32x4.splat(1.0 / 6)));
  const halfA = f32x4.mul(a1, f32x4.splat(1.0 / 12));
  const halfB = f32x4.mul(b1, f32x4.splat(1.0 / 12));
  storePair(to, f32x4.mul(a0, f32x4.splat(0.25)), f32x4.mul(b0, f32x4.splat(0.25)));
  storePair(to + step, f32x4.sub(endsA, middleA), f32x4.sub(endsB, middleB));
  storePair(to + step * 2, f32x4.add(endsA, middleA), f32x4.add(endsB, middleB));
  storePair(to + step * 3, f32x4.add(wideA, halfA), f32x4.add(wideB, halfB));
  storePair(to + step * 4, f32x4.sub(wideA, halfA), f32x4.sub(wideB, halfB));
  storePair(to + step * 5, a2, b2);
}

/** Gᵀ u G for every pair of channels. */
export function gatherFilter(sums: usize, inChannels: i32, outChannels: i32, scratch: usize, dfilter: usize): void {
  const point = filterPointBytes(inChannels, outChannels);
  const tap = <usize>(inChannels * outChannels) << 2;
  for (let at: usize = 0; at < tap; at += PAIR) {
    let from = sums + at;
    for (let to = scratch; to < scratch + TILE_ROW; to += PAIR) {
      gatherTaps(from, point * 6, to, TILE_ROW);
      from += point;
    }
    let to = dfilter + at;
    for (let half = scratch; half < scratch + TILE_ROW * 3; half += TILE_ROW) {
      gatherTaps(half, PAIR, to, tap);
      to += tap * 3;
    }
  }
}

/** Gᵀ: six points to three numbers, of eight channels. */
// @ts-ignore: decorator
@inline
function gatherTaps(from: usize, fromStep: usize, to: usize, step: usize): void {
  const a0 = v128.load(from);
  const b0 = v128.load(from, 16);
  const a1 = v128.load(from + fromStep);
  const b1 = v128.load(from + fromStep, 16);
  const a2 = v128.load(from + fromStep * 2);
  const b2 = v128.load(from + fromStep * 2, 16);
  const a3 = v128.load(from + fromStep * 3);
  const b3 = v128.load(from + fromStep * 3, 16);
  const a4 = v128.load(from + fromStep * 4);
  const b4 = v128.load(from + fromStep * 4, 16);
  const a5 = v128.load(from + fromStep * 5);
  const b5 = v128.load(from + fromStep * 5, 16);
  const nearA = f32x4.mul(f32x4.add(a1, a2), f32x4.splat(-1.0 / 6));
  const nearB = f32x4.mul(f32x4.add(b1, b2), f32x4.splat(-1.0 / 6));
  const farA = f32x4.add(a3, a4);
  const farB = f32x4.add(b3, b4);
  const nearOddA = f32x4.mul(f32x4.sub(a2, a1), f32x4.splat(1.0 / 6));
  const nearOddB = f32x4.mul(f32x4.sub(b2, b1), f32x4.splat(1.0 / 6));
  const farOddA = f32x4.sub(a3, a4);
  const farOddB = f32x4.sub(b3, b4);
  storePair(
    to,
    multiplyAdd(a0, f32x4.splat(0.25), multiplyAdd(farA, f32x4.splat(1.0 / 24), nearA)),
    multiplyAdd(b0, f32x4.splat(0.25), multiplyAdd(farB, f32x4.splat(1.0 / 24), nearB)),
  );
  storePair(
    to + step,
    multiplyAdd(farOddA, f32x4.splat(1.0 / 12), nearOddA),
    multiplyAdd(farOddB, f32x4.splat(1.0 / 12), nearOddB),
  );
  storePair(
    to + step * 2,
    multiplyAdd(farA, f32x4.splat(1.0 / 6), f32x4.add(nearA, a5)),
    multiplyAdd(farB, f32x4.splat(1.0 / 6), f32x4.add(nearB, b5)),
  );
}
