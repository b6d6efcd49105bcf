import '@tensorflow/tfjs-backend-cpu/dist/base';
import { fusedConv2DConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/FusedConv2D';
import { identityConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Identity';
import { maxPoolConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/MaxPool';
import { reshapeConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Reshape';
import { env, getKernel, registerKernel } from '@tensorflow/tfjs-core';
import { denseKernel } from '../kernels/dense-kernel.ts';
import { pooledConvolutionKernel } from '../kernels/pooled-convolution-kernel.ts';

/** What the layers of ModelSpec call at inference. */
const kernels = [
  fusedConv2DConfig,
  denseKernel,
  pooledConvolutionKernel,
  identityConfig,
  maxPoolConfig,
  reshapeConfig,
];

/** Registers these kernels on the cpu backend, once: of its 170 no other is bundled. */
export function registerKernels(): void {
  // Workers have a `process` too, which TensorFlow.js takes for Node and advises to install another backend.
  env().set('IS_NODE', false);
  for (const kernel of kernels) {
    if (!getKernel(kernel.kernelName, kernel.backendName)) registerKernel(kernel);
  }
}
