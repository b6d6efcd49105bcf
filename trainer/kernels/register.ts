import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { type KernelConfig, registerKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import { POOLED_CONVOLUTION, POOLED_CONVOLUTION_GRADIENT } from '../training/pooled-convolution.ts';
import * as convolution from './convolution.ts';
import * as gradients from './gradients.ts';
import { tensorHeap } from './heap.ts';
import * as matrixProduct from './matrix-product.ts';
import * as pooled from './pooled-convolution.ts';
import { type FastKernel, replaceKernel } from './replace-kernel.ts';

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
