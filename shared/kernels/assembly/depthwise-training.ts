import { depthwise } from './depthwise';
import { padImages } from './image';
import { loadLanes, multiplyAdd, storeLanes } from './vector';

/** Whether the fast functions compute it. The others take any kernel and any number of channels. */
// @ts-ignore: decorator
@inline
function isFast(kernelHeight: i32, kernelWidth: i32, channels: i32): bool {
  return kernelHeight == 3 && kernelWidth == 3 && channels % 4 == 0;
}

/** Bytes of scratch memory that the functions of this file take: biases, scales, a filter, and an image in a frame. */
export function depthwiseScratchBytes(
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
): i32 {
  if (!isFast(kernelHeight, kernelWidth, channels)) return 0;
  const rows = max(height + 2, (outHeight - 1) * strideHeight + 3);
  const columns = max(width + 2, (outWidth - 1) * strideWidth + 3);
  return ((11 + rows * columns) * channels) << 2;
}

/** Writes a 0 per channel, then a 1 per channel. @returns the address of the ones */
function fillConstants(scratch: usize, channels: i32): usize {
  const ones = scratch + (<usize>channels << 2);
  memory.fill(scratch, 0, <usize>channels << 2);
  for (let channel = 0; channel < channels; channel++) store<f32>(ones + (<usize>channel << 2), 1);
  return ones;
}

/**
 * A depthwise convolution: every channel has a filter of its own. Taps outside the image count as 0.
 *
 * @param x [images, height, width, channels]
 * @param filter [kernelHeight, kernelWidth, channels]
 * @param bias `channels` floats, or 0 for none
 * @param lowest, highest of the activation
 * @param scratch depthwiseScratchBytes(…) bytes
 * @param out [images, outHeight, outWidth, channels]
 */
export function depthwiseForward(
  x: usize,
  filter: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
  bias: usize,
  lowest: f32,
  highest: f32,
  scratch: usize,
  out: usize,
): void {
  const pixel = <usize>channels << 2;
  if (isFast(kernelHeight, kernelWidth, channels)) {
    const frame = scratch + pixel * 11;
    const frameHeight = (outHeight - 1) * strideHeight + 3;
    const frameWidth = (outWidth - 1) * strideWidth + 3;
    const row = <usize>frameWidth * pixel;
    const outRow = <usize>outWidth * pixel;
    const one = fillConstants(scratch, channels);
    for (let image = 0; image < images; image++) {
      padImages(x, 1, height, width, channels, padTop, padLeft, frameHeight, frameWidth, frame);
      depthwise(
        frame, row * strideHeight, pixel * strideWidth, row, pixel, 3, 3, filter, one, bias ? bias : scratch,
        channels, outHeight, outWidth, out, outRow, lowest, highest,
      );
      x += <usize>(height * width) * pixel;
      out += <usize>outHeight * outRow;
    }
    return;
  }
  const floor = f32x4.splat(lowest);
  const ceiling = f32x4.splat(highest);
  for (let image = 0; image < images; image++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      const top = outRow * strideHeight - padTop;
      const firstTapRow = max(0, -top);
      const endTapRow = min(kernelHeight, height - top);
      for (let outColumn = 0; outColumn < outWidth; outColumn++) {
        const left = outColumn * strideWidth - padLeft;
        const firstTap = max(0, -left);
        const endTap = min(kernelWidth, width - left);
        for (let channel = 0; channel < channels; channel += 4) {
          const lanes = min(4, channels - channel);
          const at = <usize>channel << 2;
          let sum = bias ? loadLanes(bias + at, lanes) : f32x4.splat(0);
          for (let tapRow = firstTapRow; tapRow < endTapRow; tapRow++) {
            let value = x + <usize>((top + tapRow) * width + left + firstTap) * pixel + at;
            let weight = filter + <usize>(tapRow * kernelWidth + firstTap) * pixel + at;
            for (let tap = firstTap; tap < endTap; tap++) {
              sum = multiplyAdd(loadLanes(value, lanes), loadLanes(weight, lanes), sum);
              value += pixel;
              weight += pixel;
            }
          }
          storeLanes(out + at, f32x4.pmin(ceiling, f32x4.pmax(floor, sum)), lanes);
        }
        out += pixel;
      }
    }
    x += <usize>(height * width) * pixel;
  }
}

/**
 * The input gradient of a depthwise convolution: each pixel of dx collects from the outputs whose windows it lies in.
 *
 * @param dy [images, outHeight, outWidth, channels]
 * @param filter [kernelHeight, kernelWidth, channels]
 * @param scratch depthwiseScratchBytes(…) bytes
 * @param dx [images, height, width, channels]
 */
export function depthwiseInputGradient(
  dy: usize,
  filter: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
  scratch: usize,
  dx: usize,
): void {
  const pixel = <usize>channels << 2;
  if (isFast(kernelHeight, kernelWidth, channels)) {
    // A convolution with the filter rotated by 180 degrees, of dy with zeros between its pixels.
    const one = fillConstants(scratch, channels);
    const rotated = one + pixel;
    for (let tap: usize = 0; tap < 9; tap++) {
      memory.copy(rotated + tap * pixel, filter + (8 - tap) * pixel, pixel);
    }
    const frame = scratch + pixel * 11;
    const row = <usize>(width + 2) * pixel;
    for (let image = 0; image < images; image++) {
      if (strideHeight == 1 && strideWidth == 1) {
        padImages(dy, 1, outHeight, outWidth, channels, 2 - padTop, 2 - padLeft, height + 2, width + 2, frame);
      } else {
        memory.fill(frame, 0, <usize>(height + 2) * row);
        const corner = frame + <usize>(2 - padTop) * row + <usize>(2 - padLeft) * pixel;
        spreadPixels(dy, outHeight, outWidth, pixel, corner, row * strideHeight, pixel * strideWidth);
      }
      depthwise(
        frame, row, pixel, row, pixel, 3, 3, rotated, one, scratch,
        channels, height, width, dx, <usize>width * pixel, -f32.MAX_VALUE, f32.MAX_VALUE,
      );
      dy += <usize>(outHeight * outWidth) * pixel;
      dx += <usize>(height * width) * pixel;
    }
    return;
  }
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        for (let channel = 0; channel < channels; channel += 4) {
          const lanes = min(4, channels - channel);
          const at = <usize>channel << 2;
          let sum = f32x4.splat(0);
          for (let tapRow = 0; tapRow < kernelHeight; tapRow++) {
            const above = row + padTop - tapRow;
            if (above < 0 || above % strideHeight) continue;
            const outRow = above / strideHeight;
            if (outRow >= outHeight) continue;
            for (let tapColumn = 0; tapColumn < kernelWidth; tapColumn++) {
              const left = column + padLeft - tapColumn;
              if (left < 0 || left % strideWidth) continue;
              const outColumn = left / strideWidth;
              if (outColumn >= outWidth) continue;
              const slope = dy + <usize>(outRow * outWidth + outColumn) * pixel + at;
              const weight = filter + <usize>(tapRow * kernelWidth + tapColumn) * pixel + at;
              sum = multiplyAdd(loadLanes(slope, lanes), loadLanes(weight, lanes), sum);
            }
          }
          storeLanes(dx + at, sum, lanes);
        }
        dx += pixel;
      }
    }
    dy += <usize>(outHeight * outWidth) * pixel;
  }
}

/** Copies the pixels of an image to a place with `rowStep` and `columnStep` bytes between them. */
function spreadPixels(
  from: usize,
  height: i32,
  width: i32,
  pixel: usize,
  target: usize,
  rowStep: usize,
  columnStep: usize,
): void {
  for (let row = 0; row < height; row++) {
    let to = target;
    for (let column = 0; column < width; column++) {
      for (let at: usize = 0; at < pixel; at += 16) v128.store(to + at, v128.load(from + at));
      from += pixel;
      to += columnStep;
    }
    target += rowStep;
  }
}

/**
 * The filter gradient of a depthwise convolution: for each tap, the sum over all outputs of the value that it read times dy.
 *
 * @param x [images, height, width, channels]
 * @param scratch depthwiseScratchBytes(…) bytes
 * @param dfilter [kernelHeight, kernelWidth, channels]
 */
export function depthwiseFilterGradient(
  x: usize,
  dy: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  padTop: i32,
  padLeft: i32,
  scratch: usize,
  dfilter: usize,
): void {
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>width * pixel;
  const outRowBytes = <usize>outWidth * pixel;
  memory.fill(dfilter, 0, <usize>(kernelHeight * kernelWidth) * pixel);
  if (isFast(kernelHeight, kernelWidth, channels)) {
    const frame = scratch + pixel * 11;
    const frameHeight = (outHeight - 1) * strideHeight + 3;
    const frameWidth = (outWidth - 1) * strideWidth + 3;
    const row = <usize>frameWidth * pixel;
    for (let image = 0; image < images; image++) {
      padImages(x, 1, height, width, channels, padTop, padLeft, frameHeight, frameWidth, frame);
      add3x3FilterGradient(frame, row * strideHeight, pixel * strideWidth, row, dy, channels, outHeight, outWidth, dfilter);
      x += <usize>height * rowBytes;
      dy += <usize>outHeight * outRowBytes;
    }
    return;
  }
  for (let image = 0; image < images; image++) {
    for (let outRow = 0; outRow < outHeight; outRow++) {
      for (let tapRow = 0; tapRow < kernelHeight; tapRow++) {
        const row = outRow * strideHeight + tapRow - padTop;
        if (row < 0 || row >= height) continue;
        for (let tapColumn = 0; tapColumn < kernelWidth; tapColumn++) {
          const shift = tapColumn - padLeft;
          const first = shift < 0 ? (-shift + strideWidth - 1) / strideWidth : 0;
          if (width <= shift) continue;
          const end = min(outWidth, (width - 1 - shift) / strideWidth + 1);
          const target = dfilter + <usize>(tapRow * kernelWidth + tapColumn) * pixel;
          const firstValue = x + <usize>row * rowBytes + <usize>(first * strideWidth + shift) * pixel;
          const step = <usize>strideWidth * pixel;
          for (let channel = 0; channel < channels; channel += 4) {
            const lanes = min(4, channels - channel);
            const at = <usize>channel << 2;
            let value = firstValue + at;
            let slope = dy + <usize>first * pixel + at;
            let sum = loadLanes(target + at, lanes);
            for (let column = first; column < end; column++) {
              sum = multiplyAdd(loadLanes(value, lanes), loadLanes(slope, lanes), sum);
              value += step;
              slope += pixel;
            }
            storeLanes(target + at, sum, lanes);
          }
        }
      }
      dy += outRowBytes;
    }
    x += <usize>height * rowBytes;
  }
}

/**
 * Adds the filter gradient of a depthwise 3x3 convolution of one image, which lies in a frame whose border is the padding.
 *
 * @param x the address of the first window
 * @param rowStep, columnStep bytes between the windows of two output rows and columns
 * @param tapRow bytes between rows of a window
 * @param dy [height, width, channels]
 * @param channels a multiple of 4
 * @param dfilter [3, 3, channels]
 */
function add3x3FilterGradient(
  x: usize,
  rowStep: usize,
  columnStep: usize,
  tapRow: usize,
  dy: usize,
  channels: i32,
  height: i32,
  width: i32,
  dfilter: usize,
): void {
  const pixel = <usize>channels << 2;
  const outRow = <usize>width * pixel;
  for (let row = 0; row < height; row++) {
    for (let at: usize = 0; at < pixel; at += 16) {
      const target = dfilter + at;
      let sum0 = v128.load(target);
      let sum1 = v128.load(target + pixel);
      let sum2 = v128.load(target + pixel * 2);
      let sum3 = v128.load(target + pixel * 3);
      let sum4 = v128.load(target + pixel * 4);
      let sum5 = v128.load(target + pixel * 5);
      let sum6 = v128.load(target + pixel * 6);
      let sum7 = v128.load(target + pixel * 7);
      let sum8 = v128.load(target + pixel * 8);
      let top = x + at;
      const end = dy + outRow + at;
      for (let from = dy + at; from < end; from += pixel) {
        const slope = v128.load(from);
        const middle = top + tapRow;
        const bottom = middle + tapRow;
        sum0 = multiplyAdd(slope, v128.load(top), sum0);
        sum1 = multiplyAdd(slope, v128.load(top + pixel), sum1);
        sum2 = multiplyAdd(slope, v128.load(top + pixel * 2), sum2);
        sum3 = multiplyAdd(slope, v128.load(middle), sum3);
        sum4 = multiplyAdd(slope, v128.load(middle + pixel), sum4);
        sum5 = multiplyAdd(slope, v128.load(middle + pixel * 2), sum5);
        sum6 = multiplyAdd(slope, v128.load(bottom), sum6);
        sum7 = multiplyAdd(slope, v128.load(bottom + pixel), sum7);
        sum8 = multiplyAdd(slope, v128.load(bottom + pixel * 2), sum8);
        top += columnStep;
      }
      v128.store(target, sum0);
      v128.store(target + pixel, sum1);
      v128.store(target + pixel * 2, sum2);
      v128.store(target + pixel * 3, sum3);
      v128.store(target + pixel * 4, sum4);
      v128.store(target + pixel * 5, sum5);
      v128.store(target + pixel * 6, sum6);
      v128.store(target + pixel * 7, sum7);
      v128.store(target + pixel * 8, sum8);
    }
    x += rowStep;
    dy += outRow;
  }
}
