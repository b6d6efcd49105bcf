import { getKernel, registerKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import type { TensorflowBinding } from './open-tensorflow.ts';

interface TensorflowBackend {
  executeSingleOutput(
    operation: string,
    attributes: { name: string; type: number | undefined; value: unknown }[],
    inputs: TensorInfo[],
  ): TensorInfo;
}

/** Gives the tensorflow backend the kernels that training needs and TensorFlow.js has no name for. */
export function registerTensorflowKernels(binding: TensorflowBinding): void {
  if (getKernel('ReluGrad', 'tensorflow')) return;
  const float = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  registerKernel({
    kernelName: 'ReluGrad',
    backendName: 'tensorflow',
    kernelFunc: ({ inputs, backend }) => {
      const { dy, y } = inputs as { dy: TensorInfo; y: TensorInfo };
      return (backend as TensorflowBackend).executeSingleOutput('ReluGrad', [float], [dy, y]);
    },
  });
}
