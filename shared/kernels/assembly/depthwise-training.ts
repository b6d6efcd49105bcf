import { loadLanes, multiplyAdd, storeLanes } from './vector';

/**
 * A depthwise convolution: every channel has a filter of its own. Taps outside the image count as 0.
 *
 * @param x [images, height, width, channels]
 * @param filter [kernelHeight, kernelWidth, channels]
 * @param bias `channels` floats, or 0 for none
 * @param lowest, highest of the activation
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
  out: usize,
): void {
  const pixel = <usize>channels << 2;
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
  dx: usize,
): void {
  const pixel = <usize>channels << 2;
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

/**
 * The filter gradient of a depthwise convolution: for each tap, the sum over all outputs of the value that it read times dy.
 *
 * @param x [images, height, width, channels]
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
  dfilter: usize,
): void {
  const pixel = <usize>channels << 2;
  const rowBytes = <usize>width * pixel;
  const outRowBytes = <usize>outWidth * pixel;
  memory.fill(dfilter, 0, <usize>(kernelHeight * kernelWidth) * pixel);
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
