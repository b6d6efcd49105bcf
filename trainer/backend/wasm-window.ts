import type { backend_util, TensorInfo } from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import { floatBytes, type TensorHeap } from './wasm-heap.ts';

/** A padded image and the way a window moves over it. */
export interface Window {
  images: number;
  height: number;
  width: number;
  channels: number;
  padTop: number;
  padLeft: number;
  filterHeight: number;
  filterWidth: number;
  strideHeight: number;
  strideWidth: number;
  outHeight: number;
  outWidth: number;
}

/** Bytes of the padded images and of the windows' addresses. */
export function windowBytes(window: Window): [frame: number, starts: number] {
  const { height, width } = frameSize(window);
  return [
    floatBytes(window.images, height, width, window.channels),
    floatBytes(window.images, window.outHeight, window.outWidth),
  ];
}

const frameSize = (window: Window) => ({
  height: (window.outHeight - 1) * window.strideHeight + window.filterHeight,
  width: (window.outWidth - 1) * window.strideWidth + window.filterWidth,
});

/**
 * Pads the images where the window reaches over their edge and lists where each window starts: the left rows
 * of multiplyRows and sumOuterProducts.
 */
export function placeWindows(
  heap: TensorHeap,
  window: Window,
  x: TensorInfo,
  frame: Address,
  starts: Address,
) {
  const { images, channels, outHeight, outWidth } = window;
  const { height, width } = frameSize(window);
  const framed = height !== window.height || width !== window.width;
  const source = framed ? frame : heap.addressOf(x);
  if (framed) {
    heap.kernels.padImages(
      heap.addressOf(x),
      images,
      window.height,
      window.width,
      channels,
      window.padTop,
      window.padLeft,
      height,
      width,
      frame,
    );
  }
  const runStride = floatBytes(width, channels);
  heap.kernels.windowStarts(
    source,
    images,
    outHeight,
    outWidth,
    height * runStride,
    window.strideHeight * runStride,
    window.strideWidth * floatBytes(channels),
    starts,
  );
  const rows = images * outHeight * outWidth;
  return { rows, runLength: window.filterWidth * channels, runStride };
}

/** The window of a forward convolution. */
export function windowOf(info: backend_util.Conv2DInfo): Window {
  return {
    images: info.batchSize,
    height: info.inHeight,
    width: info.inWidth,
    channels: info.inChannels,
    padTop: info.padInfo.top,
    padLeft: info.padInfo.left,
    filterHeight: info.filterHeight,
    filterWidth: info.filterWidth,
    strideHeight: info.strideHeight,
    strideWidth: info.strideWidth,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
  };
}
