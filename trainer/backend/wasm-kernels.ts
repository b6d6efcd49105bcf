import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import {
  getKernel,
  type KernelConfig,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import { POOLED_CONVOLUTION, POOLED_CONVOLUTION_GRADIENT } from './pooled-convolution.ts';
import * as convolution from './wasm-convolution.ts';
import * as gradients from './wasm-gradients.ts';
import { tensorHeap } from './wasm-heap.ts';
import * as matrixProduct from './wasm-matrix-product.ts';
import * as pooled from './wasm-pooled-convolution.ts';

/**
 * Gives TensorFlow.js's wasm backend the kernels that training needs: Conv2DBackpropFilter, which it
 * lacks, and faster ones for those that it computes with scalar loops or in several passes.
 *
 * @param backend the ready wasm backend
 * @returns a function that puts the backend's own kernels back
 */
export function registerTrainingKernels(backend: BackendWasm): () => void {
  const heap = tensorHeap(backend);
  const kernels: Record<string, FastKernel> = {
    Conv2D: convolution.conv2d(heap),
    FusedConv2D: convolution.fusedConv2d(heap),
    Conv2DBackpropInput: convolution.conv2dBackpropInput(heap),
    Conv2DBackpropFilter: convolution.conv2dBackpropFilter(heap),
    BatchMatMul: matrixProduct.batchMatMul(heap),
    _FusedMatMul: matrixProduct.fusedMatMul(heap),
    MaxPoolGrad: gradients.maxPoolGrad(heap),
    // The backend's own copies the values, and each tensor that is kept for a gradient goes through it.
    Identity: ({ x }) => (x && x.dtype !== 'string' ? heap.share(x) : null),
    ReluGrad: gradients.reluGrad(heap),
    Sum: gradients.sumToLastAxis(heap),
  };
  const convolve = pooled.pooledConvolution(heap);
  const gradient = pooled.pooledConvolutionGradient(heap);
  const own: KernelConfig[] = [
    {
      kernelName: POOLED_CONVOLUTION,
      backendName: 'wasm',
      kernelFunc: ({ inputs }) => convolve(inputs),
    },
    {
      kernelName: POOLED_CONVOLUTION_GRADIENT,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs }) => gradient(inputs, attrs ?? {}),
    },
  ];
  for (const config of own) registerKernel(config);
  const undo = Object.entries(kernels).map(([name, fast]) => replaceKernel(name, 'wasm', fast));
  return () => {
    for (const restore of undo) restore();
    for (const { kernelName, backendName } of own) unregisterKernel(kernelName, backendName);
  };
}

/** A kernel's own work: the result, or null for a case that it does not cover. */
export type FastKernel = (inputs: NamedTensorInfoMap, attrs: NamedAttrMap) => TensorInfo | null;

/**
 * Puts a faster kernel in the place of a backend's own one, through TensorFlow.js's registry. What the
 * fast one does not cover goes on to the backend's own kernel, so call it once the backend is ready: that is
 * when a kernel's own set-up has run.
 *
 * @returns a function that puts the backend's own kernel back
 */
export function replaceKernel(kernelName: string, backendName: string, fast: FastKernel) {
  const stock = getKernel(kernelName, backendName);
  const kernelFunc: KernelFunc = (params) => {
    const result = fast(params.inputs, params.attrs ?? {});
    if (result !== null) return result;
    if (!stock) {
      throw new Error(`The ${backendName} backend has no ${kernelName} for these arguments.`);
    }
    return stock.kernelFunc(params);
  };
  if (stock) unregisterKernel(kernelName, backendName);
  registerKernel({ kernelName, backendName, kernelFunc });
  return () => {
    unregisterKernel(kernelName, backendName);
    if (stock) registerKernel(stock);
  };
}
