import { depthwise } from './depthwise';
import { fillConstants, isFast } from './depthwise-scratch';
import { padImages } from './image';
import { loadLanes, multiplyAdd, storeLanes } from './vector';

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
