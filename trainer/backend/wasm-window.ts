import type { backend_util, TensorInfo } from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import { floatBytes, type TensorHeap } from './wasm-heap.ts';

/** A convolution: padded images, and how a window moves over them. */
export type Window = Pick<
  backend_util.Conv2DInfo,
  | 'batchSize'
  | 'inHeight'
  | 'inWidth'
  | 'inChannels'
  | 'outHeight'
  | 'outWidth'
  | 'outChannels'
  | 'filterHeight'
  | 'filterWidth'
  | 'strideHeight'
  | 'strideWidth'
> & { padInfo: { top: number; left: number } };

/** Returns the bytes of the padded images and of the windows' addresses. */
export function windowBytes(window: Window): [frame: number, starts: number] {
  const { batchSize, inChannels, outHeight, outWidth } = window;
  return [
    floatBytes(batchSize, ...frameSize(window), inChannels),
    floatBytes(batchSize, outHeight, outWidth),
  ];
}

const frameSize = (window: Window): [height: number, width: number] => [
  (window.outHeight - 1) * window.strideHeight + window.filterHeight,
  (window.outWidth - 1) * window.strideWidth + window.filterWidth,
];

/**
 * Pads the images if the window reaches over their edge, and lists the address of each window: the left rows of
 * multiplyRows and sumOuterProducts.
 */
export function placeWindows(
  { kernels, addressOf }: TensorHeap,
  window: Window,
  x: TensorInfo,
  frame: Address,
  starts: Address,
) {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, padInfo } = window;
  const [height, width] = frameSize(window);
  const isPadded = height !== inHeight || width !== inWidth;
  if (isPadded) {
    const images = [batchSize, inHeight, inWidth, inChannels] as const;
    kernels.padImages(addressOf(x), ...images, padInfo.top, padInfo.left, height, width, frame);
  }
  const runStride = floatBytes(width, inChannels);
  kernels.windowStarts(
    isPadded ? frame : addressOf(x),
    batchSize,
    outHeight,
    outWidth,
    height * runStride,
    window.strideHeight * runStride,
    window.strideWidth * floatBytes(inChannels),
    starts,
  );
  const rows = batchSize * outHeight * outWidth;
  return { rows, runLength: window.filterWidth * inChannels, runStride };
}
