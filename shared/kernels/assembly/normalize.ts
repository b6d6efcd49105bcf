import { loadLanes, multiplyAdd, storeLanes } from './vector';

/** Rows whose sums are taken in 32 bits before they are added in 64. A block of them stays in the first-level cache. */
const BLOCK: i32 = 64;

/** Bytes of scratch memory that the functions of this file take for that many channels. */
export function normalizationScratchBytes(channels: i32): i32 {
  return ((channels + 3) & ~3) << 4;
}

/**
 * The mean and the variance of each channel of x [rows, channels]. The sums are of differences to the first row, so that a large mean
 * costs no precision.
 *
 * @param scratch normalizationScratchBytes(channels) bytes
 */
export function batchMoments(
  x: usize,
  rows: i32,
  channels: i32,
  scratch: usize,
  mean: usize,
  variance: usize,
): void {
  const rowBytes = <usize>channels << 2;
  memory.fill(scratch, 0, normalizationScratchBytes(channels));
  for (let first = 0; first < rows; first += BLOCK) {
    const count = min(BLOCK, rows - first);
    const start = x + <usize>first * rowBytes;
    const end = start + <usize>count * rowBytes;
    for (let channel = 0; channel < channels; channel += 4) {
      const lanes = min(4, channels - channel);
      const at = <usize>channel << 2;
      const shift = loadLanes(x + at, lanes);
      let sum = f32x4.splat(0);
      let squares = f32x4.splat(0);
      if (lanes == 4) {
        for (let from = start + at; from < end; from += rowBytes) {
          const difference = f32x4.sub(v128.load(from), shift);
          sum = f32x4.add(sum, difference);
          squares = multiplyAdd(difference, difference, squares);
        }
      } else {
        for (let from = start + at; from < end; from += rowBytes) {
          const difference = f32x4.sub(loadLanes(from, lanes), shift);
          sum = f32x4.add(sum, difference);
          squares = multiplyAdd(difference, difference, squares);
        }
      }
      addToDoubles(scratch + (<usize>channel << 4), sum, squares);
    }
  }
  const share = 1 / <f64>rows;
  for (let channel = 0; channel < channels; channel++) {
    const at = <usize>channel << 2;
    const difference = load<f64>(addressOfSum(scratch, channel)) * share;
    const squares = load<f64>(addressOfSum(scratch, channel), 32) * share;
    store<f32>(mean + at, <f32>(<f64>load<f32>(x + at) + difference));
    store<f32>(variance + at, <f32>max(0, squares - difference * difference));
  }
}

/** Four channels take 64 bytes of the scratch memory: four sums, then four sums of squares. */
// @ts-ignore: decorator
@inline
function addressOfSum(scratch: usize, channel: i32): usize {
  return scratch + ((<usize>channel >> 2) << 6) + ((<usize>channel & 3) << 3);
}

// @ts-ignore: decorator
@inline
function addToDoubles(target: usize, sum: v128, squares: v128): void {
  addPair(target, sum);
  addPair(target + 16, v128.shuffle<f32>(sum, sum, 2, 3, 2, 3));
  addPair(target + 32, squares);
  addPair(target + 48, v128.shuffle<f32>(squares, squares, 2, 3, 2, 3));
}

// @ts-ignore: decorator
@inline
function addPair(target: usize, values: v128): void {
  v128.store(target, f64x2.add(v128.load(target), f64x2.promote_low_f32x4(values)));
}

/**
 * y = clamp((x - mean) * scale + beta), where scale = gamma / √(variance + epsilon)
 *
 * @param x, y [rows, channels]
 * @param scratch normalizationScratchBytes(channels) bytes
 * @param lowest, highest of the activation
 */
export function normalize(
  x: usize,
  rows: i32,
  channels: i32,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  epsilon: f32,
  lowest: f32,
  highest: f32,
  scratch: usize,
  y: usize,
): void {
  const offsets = linearParts(channels, gamma, beta, mean, variance, epsilon, scratch);
  const floor = f32x4.splat(lowest);
  const ceiling = f32x4.splat(highest);
  const rowBytes = <usize>channels << 2;
  const vectorBytes = <usize>(channels & ~3) << 2;
  const end = x + <usize>rows * rowBytes;
  while (x < end) {
    for (let at: usize = 0; at < vectorBytes; at += 16) {
      const z = multiplyAdd(v128.load(x + at), v128.load(scratch + at), v128.load(offsets + at));
      v128.store(y + at, f32x4.pmin(ceiling, f32x4.pmax(floor, z)));
    }
    if (vectorBytes < rowBytes) {
      const at = vectorBytes;
      const lanes = channels & 3;
      const z = multiplyAdd(loadLanes(x + at, lanes), v128.load(scratch + at), v128.load(offsets + at));
      storeLanes(y + at, f32x4.pmin(ceiling, f32x4.pmax(floor, z)), lanes);
    }
    x += rowBytes;
    y += rowBytes;
  }
}

/** Writes the normalization as x * scale + offset: scales at the target, offsets after them. @returns the offsets' address */
function linearParts(
  channels: i32,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  epsilon: f32,
  target: usize,
): usize {
  const offsets = target + (<usize>((channels + 3) & ~3) << 2);
  for (let channel = 0; channel < channels; channel++) {
    const at = <usize>channel << 2;
    const scale = <f64>load<f32>(gamma + at) / Math.sqrt(<f64>load<f32>(variance + at) + <f64>epsilon);
    store<f32>(target + at, <f32>scale);
    store<f32>(offsets + at, <f32>(<f64>load<f32>(beta + at) - <f64>load<f32>(mean + at) * scale));
  }
  return offsets;
}

/**
 * The gradients of normalize, whose mean and variance are those of x.
 *
 * @param dy, dx [rows, channels]
 * @param scratch 2 * normalizationScratchBytes(channels) bytes
 */
export function normalizeGradient(
  x: usize,
  dy: usize,
  rows: i32,
  channels: i32,
  gamma: usize,
  beta: usize,
  mean: usize,
  variance: usize,
  epsilon: f32,
  lowest: f32,
  highest: f32,
  scratch: usize,
  dx: usize,
  dgamma: usize,
  dbeta: usize,
): void {
  const sums = scratch + <usize>normalizationScratchBytes(channels);
  const offsets = linearParts(channels, gamma, beta, mean, variance, epsilon, scratch);
  const rowBytes = <usize>channels << 2;
  const floor = f32x4.splat(lowest);
  const ceiling = f32x4.splat(highest);
  memory.fill(sums, 0, normalizationScratchBytes(channels));
  for (let first = 0; first < rows; first += BLOCK) {
    const count = min(BLOCK, rows - first);
    const start = <usize>first * rowBytes;
    const end = start + <usize>count * rowBytes;
    for (let channel = 0; channel < channels; channel += 4) {
      const lanes = min(4, channels - channel);
      const at = <usize>channel << 2;
      const scale = v128.load(scratch + at);
      const offset = v128.load(offsets + at);
      const middle = loadLanes(mean + at, lanes);
      let sum = f32x4.splat(0);
      let products = f32x4.splat(0);
      for (let row = start + at; row < end; row += rowBytes) {
        const value = lanes == 4 ? v128.load(x + row) : loadLanes(x + row, lanes);
        const slope = lanes == 4 ? v128.load(dy + row) : loadLanes(dy + row, lanes);
        const z = multiplyAdd(value, scale, offset);
        const open = v128.and(slope, v128.and(f32x4.gt(z, floor), f32x4.lt(z, ceiling)));
        sum = f32x4.add(sum, open);
        products = multiplyAdd(open, f32x4.sub(value, middle), products);
      }
      addToDoubles(sums + (<usize>channel << 4), sum, products);
    }
  }
  // dx = scale * (dz - Σdz / rows - (x - mean) * Σ(dz * (x - mean)) / (rows * (variance + epsilon))) = scale * dz + slope * x + rest
  const slopes = sums;
  const rests = sums + (<usize>((channels + 3) & ~3) << 2);
  for (let channel = 0; channel < channels; channel++) {
    const at = <usize>channel << 2;
    const sum = load<f64>(addressOfSum(sums, channel));
    const products = load<f64>(addressOfSum(sums, channel), 32);
    const spread = <f64>load<f32>(variance + at) + <f64>epsilon;
    store<f32>(dbeta + at, <f32>sum);
    store<f32>(dgamma + at, <f32>(products / Math.sqrt(spread)));
  }
  writeSlopes(channels, rows, scratch, mean, variance, epsilon, dgamma, dbeta, slopes, rests);
  const vectorBytes = <usize>(channels & ~3) << 2;
  const end = x + <usize>rows * rowBytes;
  while (x < end) {
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const isWhole = at < vectorBytes;
      const lanes = channels & 3;
      const value = isWhole ? v128.load(x + at) : loadLanes(x + at, lanes);
      const slope = isWhole ? v128.load(dy + at) : loadLanes(dy + at, lanes);
      const scale = v128.load(scratch + at);
      const z = multiplyAdd(value, scale, v128.load(offsets + at));
      const open = v128.and(slope, v128.and(f32x4.gt(z, floor), f32x4.lt(z, ceiling)));
      const rest = multiplyAdd(value, v128.load(slopes + at), v128.load(rests + at));
      const result = multiplyAdd(open, scale, rest);
      if (isWhole) v128.store(dx + at, result);
      else storeLanes(dx + at, result, lanes);
    }
    x += rowBytes;
    dy += rowBytes;
    dx += rowBytes;
  }
}

function writeSlopes(
  channels: i32,
  rows: i32,
  scales: usize,
  mean: usize,
  variance: usize,
  epsilon: f32,
  dgamma: usize,
  dbeta: usize,
  slopes: usize,
  rests: usize,
): void {
  for (let channel = 0; channel < channels; channel++) {
    const at = <usize>channel << 2;
    const scale = <f64>load<f32>(scales + at) / <f64>rows;
    const spread = Math.sqrt(<f64>load<f32>(variance + at) + <f64>epsilon);
    const slope = (-scale * <f64>load<f32>(dgamma + at)) / spread;
    store<f32>(slopes + at, <f32>slope);
    store<f32>(rests + at, <f32>(-scale * <f64>load<f32>(dbeta + at) - slope * <f64>load<f32>(mean + at)));
  }
}
