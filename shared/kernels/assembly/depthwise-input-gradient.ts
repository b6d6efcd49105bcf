import { depthwise } from './depthwise';
import { fillConstants, isFast } from './depthwise-scratch';
import { padImages } from './image';
import { loadLanes, multiplyAdd, storeLanes } from './vector';

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
