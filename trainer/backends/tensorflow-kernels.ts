import {
  engine,
  getKernel,
  type KernelFunc,
  type NamedAttrMap,
  registerKernel,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import {
  POOLED_CONVOLUTION,
  POOLED_CONVOLUTION_GRADIENT,
  type PooledConvolutionGradientInputs,
} from '../training/pooled-convolution.ts';
import { tensorflowPooling } from './tensorflow-pooling.ts';

/** The part of @tensorflow/tfjs-node-gpu's binding that is used here. */
export interface TensorflowBinding {
  TF_Version: string;
  isUsingGpuDevice(): boolean;
  TF_FLOAT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_INT: number;
  TF_ATTR_STRING: number;
  TF_ATTR_TYPE: number;
}

interface OperationAttribute {
  name: string;
  type: number;
  value: unknown;
}

/** The part of its backend. */
export interface TensorflowBackend {
  executeSingleOutput(
    operation: string,
    attributes: OperationAttribute[],
    inputs: TensorInfo[],
  ): TensorInfo;
  executeMultipleOutputs(
    operation: string,
    attributes: OperationAttribute[],
    inputs: TensorInfo[],
    outputs: number,
  ): TensorInfo[];
  readSync(dataId: object): Float32Array;
  disposeData(dataId: object): void;
}

const convolution: NamedAttrMap = {
  strides: [1, 1],
  pad: 'same',
  dataFormat: 'NHWC',
  dilations: [1, 1],
};

/** Gives the tensorflow backend the kernels that training needs and TensorFlow.js has no name for. */
export function registerTensorflowKernels(
  backend: TensorflowBackend,
  binding: TensorflowBinding,
): void {
  if (getKernel('ReluGrad', 'tensorflow')) return;
  const float = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const layout = { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' };
  const pooling = tensorflowPooling(backend, binding);
  const reluGradient = (dy: TensorInfo, y: TensorInfo) =>
    backend.executeSingleOutput('ReluGrad', [float], [dy, y]);

  register('ReluGrad', ({ inputs }) => {
    const { dy, y } = inputs as { dy: TensorInfo; y: TensorInfo };
    return reluGradient(dy, y);
  });

  // Neither bias nor ReLU changes which value is the largest: after pooling they and their gradients have a quarter to do.
  register(POOLED_CONVOLUTION, ({ inputs }) => {
    const { x, filter, bias } = inputs as { x: Tensor; filter: Tensor; bias: Tensor };
    const convolved = engine().runKernel('Conv2D', { x, filter }, convolution) as Tensor;
    const [pooled, ...workspace] = pooling.pool(convolved) as [TensorInfo, ...TensorInfo[]];
    const sum = backend.executeSingleOutput('BiasAdd', [float, layout], [pooled, bias]);
    const y = backend.executeSingleOutput('Relu', [float], [sum]);
    backend.disposeData(sum.dataId);
    return [y, convolved, pooled, ...workspace];
  });

  register(POOLED_CONVOLUTION_GRADIENT, ({ inputs, attrs }) => {
    const { x, filter, dy, y, kept0, kept1, kept2 } = inputs as PooledConvolutionGradientInputs;
    const dsum = reluGradient(dy, y);
    const dbias = backend.executeSingleOutput('BiasAddGrad', [float, layout], [dsum]);
    const pooled = [kept1, kept2].filter((kept) => kept !== undefined);
    const dconvolved = pooling.gradient(kept0, pooled, dsum);
    backend.disposeData(dsum.dataId);
    const dfilter = engine().runKernel(
      'Conv2DBackpropFilter',
      { x: x as Tensor, dy: dconvolved as Tensor },
      { ...convolution, filterShape: filter.shape },
    ) as Tensor;
    const gradients: TensorInfo[] = [dfilter, dbias];
    if (attrs?.inputGradient !== false) {
      const dx = engine().runKernel(
        'Conv2DBackpropInput',
        { dy: dconvolved as Tensor, filter: filter as Tensor },
        { ...convolution, inputShape: x.shape },
      ) as Tensor;
      gradients.push(dx);
    }
    backend.disposeData(dconvolved.dataId);
    return gradients;
  });
}

function register(kernelName: string, kernelFunc: KernelFunc): void {
  registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc });
}
