import { NOWHERE, loadLanes, multiplyAdd, storeLanes } from './vector';

/**
 * The filter gradient of a 3x3 convolution with zero padding of 1, bias, ReLU and 2x2 max pooling. Pooling leaves at most
 * one in four values of the convolution's gradient, and ReLU clears about half of those. The remaining values are listed
 * with their positions, and only they are multiplied.
 */

/** Floats of a filter's row that are summed in registers at once: twelve vectors. */
const FILTER_BLOCK: i32 = 48;

/**
 * Adds the contribution of some images to the gradients of filter and bias.
 *
 * @param frame [images, height + 2, width + 2, inChannels], the input in a frame of zeros
 * @param dy, positions [images, height / 2, width / 2, outChannels]
 * @param lists scratch for four lists with 8 bytes per pooled pixel of the images and one more entry
 * @param filterSums [outChannels, 3, 3, inChannels]
 * @param biasSums [outChannels]
 */
export function addPooledFilterGradient(
  frame: usize,
  images: i32,
  height: i32,
  width: i32,
  inChannels: i32,
  dy: usize,
  positions: usize,
  outChannels: i32,
  lists: usize,
  filterSums: usize,
  biasSums: usize,
): void {
  const pixel = <i32>inChannels << 2;
  const row = (width + 2) * pixel;
  const outPixel = <usize>outChannels << 2;
  const runLength = inChannels * 3;
  const listBytes = <usize>(images * (height >> 1) * (width >> 1) + 1) << 3;
  for (let channel = 0; channel < outChannels; channel += 4) {
    const lanes = min(4, outChannels - channel);
    let end0 = lists;
    let end1 = end0 + listBytes;
    let end2 = end1 + listBytes;
    let end3 = end2 + listBytes;
    let sum = loadLanes(biasSums, lanes);
    let at = <usize>channel << 2;
    let corner = <i32>frame;
    for (let image = 0; image < images; image++) {
      for (let pooledRow = 0; pooledRow < height >> 1; pooledRow++) {
        let window = corner;
        for (let pooledColumn = 0; pooledColumn < width >> 1; pooledColumn++) {
          const value = loadLanes(dy + at, lanes);
          const position = loadLanes(positions + at, lanes);
          const flows = i32x4.ne(position, i32x4.splat(NOWHERE));
          sum = f32x4.add(sum, v128.and(value, flows));
          // The second and fourth position are one pixel to the right, the third and fourth one below.
          const isRight = i32x4.ne(v128.and(position, i32x4.splat(1)), i32x4.splat(0));
          const isBelow = i32x4.ge_s(position, i32x4.splat(2));
          const address = i32x4.add(
            i32x4.splat(window),
            i32x4.add(v128.and(isRight, i32x4.splat(pixel)), v128.and(isBelow, i32x4.splat(row))),
          );
          // Appends an entry to each list. If the gradient is 0, the next entry overwrites it.
          const growth = v128.and(flows, i32x4.splat(8));
          v128.store_lane<f32>(end0, value, 0);
          v128.store_lane<u32>(end0, address, 0, 4);
          end0 += <usize>i32x4.extract_lane(growth, 0);
          v128.store_lane<f32>(end1, value, 1);
          v128.store_lane<u32>(end1, address, 1, 4);
          end1 += <usize>i32x4.extract_lane(growth, 1);
          v128.store_lane<f32>(end2, value, 2);
          v128.store_lane<u32>(end2, address, 2, 4);
          end2 += <usize>i32x4.extract_lane(growth, 2);
          v128.store_lane<f32>(end3, value, 3);
          v128.store_lane<u32>(end3, address, 3, 4);
          end3 += <usize>i32x4.extract_lane(growth, 3);
          window += pixel * 2;
          at += outPixel;
        }
        corner += row * 2;
      }
      corner += row * (2 + (height & 1));
    }
    storeLanes(biasSums, sum, lanes);
    biasSums += 16;
    let from = lists;
    addListed(from, end0, <usize>row, runLength, filterSums);
    filterSums += <usize>runLength * 12;
    from += listBytes;
    if (lanes > 1) addListed(from, end1, <usize>row, runLength, filterSums);
    filterSums += <usize>runLength * 12;
    from += listBytes;
    if (lanes > 2) addListed(from, end2, <usize>row, runLength, filterSums);
    filterSums += <usize>runLength * 12;
    from += listBytes;
    if (lanes > 3) addListed(from, end3, <usize>row, runLength, filterSums);
    filterSums += <usize>runLength * 12;
  }
}

/** Adds one output channel's list to its filter's gradient, three runs of `runLength` that lie `row` bytes apart in the frame. */
function addListed(list: usize, end: usize, row: usize, runLength: i32, sums: usize): void {
  const run = <usize>runLength << 2;
  let k = 0;
  for (; k + FILTER_BLOCK <= runLength; k += FILTER_BLOCK) {
    const offset = <usize>k << 2;
    addTwelve(list, end, offset, sums + offset);
    addTwelve(list, end, offset + row, sums + offset + run);
    addTwelve(list, end, offset + row * 2, sums + offset + run * 2);
  }
  for (; k < runLength; k += 4) {
    const offset = <usize>k << 2;
    addThree(list, end, offset, row, sums + offset, run, runLength - k);
  }
}

/** target[0..47] += Σ over the list of value * the float at its address + offset */
function addTwelve(list: usize, end: usize, offset: usize, target: usize): void {
  let sum0 = v128.load(target);
  let sum1 = v128.load(target, 16);
  let sum2 = v128.load(target, 32);
  let sum3 = v128.load(target, 48);
  let sum4 = v128.load(target, 64);
  let sum5 = v128.load(target, 80);
  let sum6 = v128.load(target, 96);
  let sum7 = v128.load(target, 112);
  let sum8 = v128.load(target, 128);
  let sum9 = v128.load(target, 144);
  let sum10 = v128.load(target, 160);
  let sum11 = v128.load(target, 176);
  for (; list < end; list += 8) {
    const value = v128.load_splat<f32>(list);
    const from = <usize>load<u32>(list, 4) + offset;
    sum0 = multiplyAdd(value, v128.load(from), sum0);
    sum1 = multiplyAdd(value, v128.load(from, 16), sum1);
    sum2 = multiplyAdd(value, v128.load(from, 32), sum2);
    sum3 = multiplyAdd(value, v128.load(from, 48), sum3);
    sum4 = multiplyAdd(value, v128.load(from, 64), sum4);
    sum5 = multiplyAdd(value, v128.load(from, 80), sum5);
    sum6 = multiplyAdd(value, v128.load(from, 96), sum6);
    sum7 = multiplyAdd(value, v128.load(from, 112), sum7);
    sum8 = multiplyAdd(value, v128.load(from, 128), sum8);
    sum9 = multiplyAdd(value, v128.load(from, 144), sum9);
    sum10 = multiplyAdd(value, v128.load(from, 160), sum10);
    sum11 = multiplyAdd(value, v128.load(from, 176), sum11);
  }
  v128.store(target, sum0);
  v128.store(target, sum1, 16);
  v128.store(target, sum2, 32);
  v128.store(target, sum3, 48);
  v128.store(target, sum4, 64);
  v128.store(target, sum5, 80);
  v128.store(target, sum6, 96);
  v128.store(target, sum7, 112);
  v128.store(target, sum8, 128);
  v128.store(target, sum9, 144);
  v128.store(target, sum10, 160);
  v128.store(target, sum11, 176);
}

/** The same for up to four floats of each of the filter's three rows. More are read, but not stored. */
function addThree(
  list: usize,
  end: usize,
  offset: usize,
  row: usize,
  target: usize,
  run: usize,
  lanes: i32,
): void {
  const target1 = target + run;
  const target2 = target1 + run;
  let sum0 = loadLanes(target, lanes);
  let sum1 = loadLanes(target1, lanes);
  let sum2 = loadLanes(target2, lanes);
  for (; list < end; list += 8) {
    const value = v128.load_splat<f32>(list);
    const from = <usize>load<u32>(list, 4) + offset;
    sum0 = multiplyAdd(value, v128.load(from), sum0);
    sum1 = multiplyAdd(value, v128.load(from + row), sum1);
    sum2 = multiplyAdd(value, v128.load(from + row * 2), sum2);
  }
  storeLanes(target, sum0, lanes);
  storeLanes(target1, sum1, lanes);
  storeLanes(target2, sum2, lanes);
}
