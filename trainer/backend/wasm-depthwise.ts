import { backend_util, type NamedAttrMap } from '@tensorflow/tfjs-core';
import { rangeOf } from './wasm-activation.ts';
import type { FastKernel, TensorHeap } from './wasm-heap.ts';
import type { DepthwiseSizes } from './wasm-module.ts';

/**
 * x [N, H, W, C], filter [Kh, Kw, C, 1] -> y [N, H', W', C]. The backend's own kernel packs each filter once, and so does not
 * see that its values change in place.
 */
export function depthwise(heap: TensorHeap): FastKernel {
  return ({ x, filter, bias, preluActivationWeights }, attrs) => {
    const range = rangeOf(attrs.activation ?? 'linear');
    if (!x || !filter || !range || preluActivationWeights) return null;
    const sizes = sizesOf(x.shape, filter.shape, attrs);
    if (!sizes) return null;
    const [images, , , channels, outHeight, outWidth] = sizes;
    const out = heap.allocate([images, outHeight, outWidth, channels]);
    const at = heap.addressesOf({ x, filter, out });
    const offset = bias ? heap.addressOf(bias) : 0;
    heap.withScratch([scratchBytes(heap, sizes)], (scratch) =>
      heap.kernels.depthwiseForward(at.x, at.filter, ...sizes, offset, ...range, scratch, at.out),
    );
    return out;
  };
}

/** dy [N, H', W', C], filter [Kh, Kw, C, 1] -> dx [N, H, W, C] */
export function backpropInput(heap: TensorHeap): FastKernel {
  return ({ dy, filter }, attrs) => {
    if (!dy || !filter) return null;
    const inputShape = attrs.inputShape as number[];
    const sizes = sizesOf(inputShape, filter.shape, attrs);
    if (!sizes) return null;
    const dx = heap.allocate(inputShape);
    const at = heap.addressesOf({ dy, filter, dx });
    heap.withScratch([scratchBytes(heap, sizes)], (scratch) =>
      heap.kernels.depthwiseInputGradient(at.dy, at.filter, ...sizes, scratch, at.dx),
    );
    return dx;
  };
}

/** x [N, H, W, C], dy [N, H', W', C] -> dfilter [Kh, Kw, C, 1] */
export function backpropFilter(heap: TensorHeap): FastKernel {
  return ({ x, dy }, attrs) => {
    if (!x || !dy) return null;
    const filterShape = attrs.filterShape as number[];
    const sizes = sizesOf(x.shape, filterShape, attrs);
    if (!sizes) return null;
    const dfilter = heap.allocate(filterShape);
    const at = heap.addressesOf({ x, dy, dfilter });
    heap.withScratch([scratchBytes(heap, sizes)], (scratch) =>
      heap.kernels.depthwiseFilterGradient(at.x, at.dy, ...sizes, scratch, at.dfilter),
    );
    return dfilter;
  };
}

function scratchBytes({ kernels }: TensorHeap, sizes: DepthwiseSizes): number {
  const [, height, width, channels, outHeight, outWidth, ...rest] = sizes;
  const [kernelHeight, kernelWidth, strideHeight, strideWidth] = rest;
  const image = [height, width, channels, outHeight, outWidth] as const;
  const window = [kernelHeight, kernelWidth, strideHeight, strideWidth] as const;
  return kernels.depthwiseScratchBytes(...image, ...window);
}

/** Returns the sizes that the kernels take, or null if they don't cover the convolution. */
function sizesOf(
  inputShape: number[],
  filterShape: number[],
  attrs: NamedAttrMap,
): DepthwiseSizes | null {
  const info = backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    attrs.strides as [number, number],
    (attrs.dilations as [number, number] | undefined) ?? 1,
    attrs.pad as 'same' | 'valid' | number,
    attrs.dimRoundingMode as 'floor' | 'round' | 'ceil',
    true,
  );
  const { batchSize, inHeight, inWidth, inChannels, outChannels, outHeight, outWidth } = info;
  const isPlain = info.dilationHeight === 1 && info.dilationWidth === 1;
  if (!isPlain || inChannels !== outChannels || batchSize === 0) return null;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  return [
    batchSize,
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    filterHeight,
    filterWidth,
    strideHeight,
    strideWidth,
    padInfo.top,
    padInfo.left,
  ];
}
