import { isFast } from './depthwise-scratch';
import { padImages } from './image';
import { loadLanes, multiplyAdd, storeLanes } from './vector';

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
