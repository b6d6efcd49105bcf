import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import {
  backend_util,
  getKernel,
  type KernelFunc,
  registerKernel,
  unregisterKernel,
  util,
} from '@tensorflow/tfjs-core';
import { BATCH_NORMALIZATION, BATCH_NORMALIZATION_GRADIENT } from './batch-normalization.ts';
import { POOLED_CONVOLUTION, POOLED_CONVOLUTION_GRADIENT } from './fused-operations.ts';
import { batchNormalization, batchNormalizationGradient } from './wasm-batch-normalization.ts';
import * as convolution from './wasm-convolution.ts';
import * as depthwise from './wasm-depthwise.ts';
import { type FastKernel, type TensorHeap, tensorHeap } from './wasm-heap.ts';
import * as matrixProduct from './wasm-matrix-product.ts';
import { pooledConvolution, pooledConvolutionGradient } from './wasm-pooled-convolution.ts';

const backendName = 'wasm';

/**
 * Registers the kernels that training needs with TensorFlow.js's wasm backend: Conv2DBackpropFilter, which it lacks, and
 * faster ones for those that it computes with scalar loops or in several passes.
 *
 * @param backend after its own set-up
 */
export function registerTrainingKernels(backend: BackendWasm): void {
  const heap = tensorHeap(backend);
  const kernels: Record<string, FastKernel> = {
    Conv2D: convolution.conv2d(heap),
    FusedConv2D: convolution.fusedConv2d(heap),
    Conv2DBackpropInput: convolution.conv2dBackpropInput(heap),
    Conv2DBackpropFilter: convolution.conv2dBackpropFilter(heap),
    BatchMatMul: matrixProduct.batchMatMul(heap),
    _FusedMatMul: matrixProduct.fusedMatMul(heap),
    MaxPoolGrad: maxPoolGrad(heap),
    // The backend's own copies the values, and every tensor that is kept for a gradient passes through it.
    Identity: ({ x }) => (x && x.dtype !== 'string' ? heap.share(x) : null),
    ReluGrad: reluGrad(heap, heap.kernels.reluGradient),
    Relu6Grad: reluGrad(heap, heap.kernels.relu6Gradient),
    DepthwiseConv2dNative: depthwise.depthwise(heap),
    FusedDepthwiseConv2D: depthwise.depthwise(heap),
    DepthwiseConv2dNativeBackpropInput: depthwise.backpropInput(heap),
    DepthwiseConv2dNativeBackpropFilter: depthwise.backpropFilter(heap),
    Sum: sumToLastAxis(heap),
  };
  for (const [name, fast] of Object.entries(kernels)) replaceKernel(name, fast);
  const ownKernels: Record<string, KernelFunc> = {
    [BATCH_NORMALIZATION]: batchNormalization(heap),
    [BATCH_NORMALIZATION_GRADIENT]: batchNormalizationGradient(heap),
    [POOLED_CONVOLUTION]: pooledConvolution(heap),
    [POOLED_CONVOLUTION_GRADIENT]: pooledConvolutionGradient(heap),
  };
  for (const [kernelName, kernelFunc] of Object.entries(ownKernels)) {
    registerKernel({ kernelName, backendName, kernelFunc });
  }
}

/** Replaces one of the backend's kernels, which still computes what the fast one does not cover. */
function replaceKernel(kernelName: string, fast: FastKernel): void {
  const stock = getKernel(kernelName, backendName);
  const kernelFunc: KernelFunc = (params) => {
    const result = fast(params.inputs, params.attrs ?? {});
    if (result !== null) return result;
    if (stock) return stock.kernelFunc(params);
    throw new Error(`The ${backendName} backend has no ${kernelName} for these arguments.`);
  };
  if (stock) unregisterKernel(kernelName, backendName);
  registerKernel({ kernelName, backendName, kernelFunc });
}

/** dy and y of one shape -> dy if y is not at an end of the activation's range, else 0. */
function reluGrad(heap: TensorHeap, compute: TensorHeap['kernels']['reluGradient']): FastKernel {
  return ({ dy, y }) => {
    if (!dy || !y) return null;
    const out = heap.allocate(dy.shape);
    const length = util.sizeFromShape(dy.shape);
    compute(heap.addressOf(dy), heap.addressOf(y), heap.addressOf(out), length);
    return out;
  };
}

/** Sums over all axes but the last, as a bias's gradient needs; leaves other sums to the backend. */
function sumToLastAxis(heap: TensorHeap): FastKernel {
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
 * dy [N, H', W', C], input [N, H, W, C] -> dx. The backend's own kernel loses gradients if windows overlap or values tie.
 */
function maxPoolGrad(heap: TensorHeap): FastKernel {
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
    const { filterHeight, filterWidth, strideHeight, strideWidth } = info;
    const { top, left, bottom, right } = info.padInfo;
    const out = heap.allocate(input.shape);
    const tensors = [heap.addressOf(input), heap.addressOf(dy), heap.addressOf(out)] as const;
    const images = [info.batchSize, info.inHeight, info.inWidth, info.inChannels] as const;
    const window = [filterHeight, filterWidth, strideHeight, strideWidth] as const;
    const isPlain = window.every((size) => size === 2) && top + left + bottom + right === 0;
    if (isPlain) {
      heap.kernels.maxPoolGradient(...tensors, ...images);
    } else {
      const { outHeight, outWidth } = info;
      const { maxPoolGradientOfAnyWindow } = heap.kernels;
      maxPoolGradientOfAnyWindow(...tensors, ...images, outHeight, outWidth, ...window, top, left);
    }
    return out;
  };
}
