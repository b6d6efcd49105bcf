import { loadLanes, multiplyAdd, storeLanes } from './vector';

/**
 * The input gradient of the convolution of pooled-filter-gradient.ts. It works in the same way: only the values that
 * pooling and ReLU leave are listed and multiplied.
 */

/** Channels of a pixel that are summed in registers at once: eight vectors. */
const PIXEL_BLOCK: i32 = 32;

/** Bytes of scratch memory that pooledInputGradient takes. */
export function inputGradientScratchBytes(height: i32, width: i32, outChannels: i32): i32 {
  const pixels = (height >> 1) * (width >> 1) * 4;
  return 32 + (pixels << 2) + ((pixels + 1) * outChannels << 3);
}

/**
 * The input gradient: dx[q] = Σ over the filter's taps of dz[q - tap] * filter[tap]. dz is the part of dy that pooling and
 * ReLU leave.
 *
 * @param dy, positions [images, height / 2, width / 2, outChannels]
 * @param filter [3, 3, outChannels, inChannels]
 * @param scratch inputGradientScratchBytes
 * @param dx [images, height, width, inChannels]
 */
export function pooledInputGradient(
  dy: usize,
  positions: usize,
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  filter: usize,
  outChannels: i32,
  scratch: usize,
  dx: usize,
): void {
  const reached = height >> 1 << 1;
  const across = width >> 1 << 1;
  const pixel = <usize>inChannels << 2;
  const slot = <usize>outChannels << 3;
  const tapBytes = <usize>outChannels * pixel;
  const imageBytes = <usize>(height * width) * pixel;
  const pooledBytes = <usize>((height >> 1) * (width >> 1) * outChannels) << 2;
  const tails = scratch;
  const ends = scratch + 32;
  const lists = ends + (<usize>(reached * across) << 2);
  for (let image = 0; image < images; image++) {
    memory.fill(dx, 0, imageBytes);
    listPixels(dy, positions, reached, across, outChannels, <u32>pixel, tails, ends, lists);
    for (let channel = 0; channel < inChannels; ) {
      const block = inChannels - channel >= PIXEL_BLOCK ? PIXEL_BLOCK : min(4, inChannels - channel);
      for (let tap = 0; tap < 9; tap++) {
        const down = tap / 3 - 1;
        const right = (tap % 3) - 1;
        const weights = filter + <usize>tap * tapBytes + (<usize>channel << 2);
        const firstColumn = max(0, -right);
        const endColumn = min(across, width - right);
        for (let row = max(0, -down); row < min(reached, height - down); row++) {
          let source = row * across + firstColumn;
          let target =
            dx + <usize>((row + down) * width + firstColumn + right) * pixel + (<usize>channel << 2);
          for (let column = firstColumn; column < endColumn; column++) {
            const list = lists + <usize>source * slot;
            const end = <usize>load<u32>(ends + (<usize>source << 2));
            if (block == PIXEL_BLOCK) addEight(list, end, weights, target);
            else addOne(list, end, weights, target, block);
            source++;
            target += pixel;
          }
        }
      }
      channel += block;
    }
    dy += pooledBytes;
    positions += pooledBytes;
    dx += imageBytes;
  }
}

/**
 * Lists the non-zero values of each pixel of one image's dz, each with the offset of its channel in a tap's weights.
 *
 * @param tails 5 addresses
 * @param ends the address of the end of each pixel's list
 * @param lists room for all channels of each pixel, and for one more pixel
 */
function listPixels(
  dy: usize,
  positions: usize,
  height: i32,
  width: i32,
  channels: i32,
  step: u32,
  tails: usize,
  ends: usize,
  lists: usize,
): void {
  const slot = <u32>channels << 3;
  const rest = <u32>lists + <u32>(height * width) * slot;
  const bytes = <usize>channels << 2;
  for (let row = 0; row < height; row += 2) {
    for (let column = 0; column < width; column += 2) {
      const first = row * width + column;
      const list = <u32>lists + <u32>first * slot;
      store<u32>(tails, list);
      store<u32>(tails, list + slot, 4);
      store<u32>(tails, list + <u32>width * slot, 8);
      store<u32>(tails, list + <u32>(width + 1) * slot, 12);
      store<u32>(tails, rest, 16);
      let offset: u32 = 0;
      const end = dy + bytes;
      while (dy < end) {
        const tail = tails + (<usize>load<u32>(positions) << 2);
        const entry = <usize>load<u32>(tail);
        store<f32>(entry, load<f32>(dy));
        store<u32>(entry, offset, 4);
        store<u32>(tail, <u32>entry + 8);
        offset += step;
        dy += 4;
        positions += 4;
      }
      const at = ends + (<usize>first << 2);
      const below = at + (<usize>width << 2);
      store<u32>(at, load<u32>(tails));
      store<u32>(at, load<u32>(tails, 4), 4);
      store<u32>(below, load<u32>(tails, 8));
      store<u32>(below, load<u32>(tails, 12), 4);
    }
  }
}

/** target[0..31] += Σ over the list of value * weights at its offset */
// @ts-ignore: decorator
@inline
function addEight(list: usize, end: usize, weights: usize, target: usize): void {
  let sum0 = v128.load(target);
  let sum1 = v128.load(target, 16);
  let sum2 = v128.load(target, 32);
  let sum3 = v128.load(target, 48);
  let sum4 = v128.load(target, 64);
  let sum5 = v128.load(target, 80);
  let sum6 = v128.load(target, 96);
  let sum7 = v128.load(target, 112);
  for (; list < end; list += 8) {
    const value = v128.load_splat<f32>(list);
    const from = weights + <usize>load<u32>(list, 4);
    sum0 = multiplyAdd(value, v128.load(from), sum0);
    sum1 = multiplyAdd(value, v128.load(from, 16), sum1);
    sum2 = multiplyAdd(value, v128.load(from, 32), sum2);
    sum3 = multiplyAdd(value, v128.load(from, 48), sum3);
    sum4 = multiplyAdd(value, v128.load(from, 64), sum4);
    sum5 = multiplyAdd(value, v128.load(from, 80), sum5);
    sum6 = multiplyAdd(value, v128.load(from, 96), sum6);
    sum7 = multiplyAdd(value, v128.load(from, 112), sum7);
  }
  v128.store(target, sum0);
  v128.store(target, sum1, 16);
  v128.store(target, sum2, 32);
  v128.store(target, sum3, 48);
  v128.store(target, sum4, 64);
  v128.store(target, sum5, 80);
  v128.store(target, sum6, 96);
  v128.store(target, sum7, 112);
}

/** The same for up to four channels. */
function addOne(list: usize, end: usize, weights: usize, target: usize, lanes: i32): void {
  let sum = loadLanes(target, lanes);
  for (; list < end; list += 8) {
    const value = v128.load_splat<f32>(list);
    sum = multiplyAdd(value, v128.load(weights + <usize>load<u32>(list, 4)), sum);
  }
  storeLanes(target, sum, lanes);
}
