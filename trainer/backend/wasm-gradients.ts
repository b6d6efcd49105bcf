import { backend_util, util } from '@tensorflow/tfjs-core';
import type { TensorHeap } from './wasm-heap.ts';
import type { FastKernel } from './wasm-kernels.ts';

/** dy and y of one shape -> dy where y > 0, else 0. */
export function reluGrad(heap: TensorHeap): FastKernel {
  return ({ dy, y }) => {
    if (!dy || !y) return null;
    const out = heap.allocate(dy.shape);
    const length = util.sizeFromShape(dy.shape);
    heap.kernels.reluGradient(heap.addressOf(dy), heap.addressOf(y), heap.addressOf(out), length);
    return out;
  };
}

/** Sums over all axes but the last, as a bias's gradient needs them; other sums stay the backend's. */
export function sumToLastAxis(heap: TensorHeap): FastKernel {
  return ({ x }, { axis, keepDims }) => {
    if (x?.dtype !== 'float32' || keepDims || x.shape.length < 2) return null;
    const axes = util.parseAxisParam(axis as number[], x.shape);
    const leading = axes.length === x.shape.length - 1 && !axes.includes(x.shape.length - 1);
    const columns = x.shape.at(-1) ?? 0;
    const rows = columns === 0 ? 0 : util.sizeFromShape(x.shape) / columns;
    if (!leading || rows === 0) return null;
    const out = heap.allocate([columns]);
    heap.kernels.columnSums(heap.addressOf(x), rows, columns, heap.addressOf(out));
    return out;
  };
}

/**
 * dy [N, H', W', C], input [N, H, W, C] -> dx. The backend's own kernel loses gradients where windows overlap and
 * where values tie.
 */
export function maxPoolGrad(heap: TensorHeap): FastKernel {
  return ({ dy, input }, { filterSize, strides, pad, dimRoundingMode }) => {
    if (!dy || input?.dtype !== 'float32') return null;
    const info = backend_util.computePool2DInfo(
      input.shape as [number, number, number, number],
      filterSize as [number, number],
      strides as [number, number],
      1,
      pad as 'same' | 'valid' | number,
      dimRoundingMode as 'floor' | 'round' | 'ceil',
    );
    const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
    const out = heap.allocate(input.shape);
    const tensors = [heap.addressOf(input), heap.addressOf(dy), heap.addressOf(out)] as const;
    const images = [info.batchSize, info.inHeight, info.inWidth, info.inChannels] as const;
    const { top, left, bottom, right } = padInfo;
    const sizes = [filterHeight, filterWidth, strideHeight, strideWidth];
    const sideBySide = sizes.every((size) => size === 2);
    if (sideBySide && [top, left, bottom, right].every((padding) => padding === 0)) {
      heap.kernels.maxPoolGradient(...tensors, ...images);
    } else {
      heap.kernels.maxPoolGradientOfAnyWindow(
        ...tensors,
        ...images,
        info.outHeight,
        info.outWidth,
        filterHeight,
        filterWidth,
        strideHeight,
        strideWidth,
        top,
        left,
      );
    }
    return out;
  };
}
