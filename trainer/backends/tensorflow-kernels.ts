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
  // A tensor that the engine knows is disposed with everything else of a step.
  const known = (info: TensorInfo) => engine().makeTensorFromTensorInfo(info);
  const reluGradient = (dy: TensorInfo, y: TensorInfo) =>
    backend.executeSingleOutput('ReluGrad', [float], [dy, y]);

  register('ReluGrad', ({ inputs }) => {
    const { dy, y } = inputs as { dy: TensorInfo; y: TensorInfo };
    return reluGradient(dy, y);
  });

  register(POOLED_CONVOLUTION, ({ inputs }) => {
    const { x, filter, bias } = inputs as { x: Tensor; filter: Tensor; bias: Tensor };
    const product = engine().runKernel('Conv2D', { x, filter }, convolution) as Tensor;
    const sum = known(backend.executeSingleOutput('BiasAdd', [float, layout], [product, bias]));
    const convolved = engine().runKernel('Relu', { x: sum }) as Tensor;
    const [y, ...workspace] = pooling.pool(convolved) as [TensorInfo, ...TensorInfo[]];
    return [y, convolved, ...workspace];
  });

  register(POOLED_CONVOLUTION_GRADIENT, ({ inputs, attrs }) => {
    const { x, filter, dy, y, kept0: convolved } = inputs as PooledConvolutionGradientInputs;
    const workspace = inputs.kept1 ? [inputs.kept1] : [];
    const dconvolved = known(pooling.gradient(convolved, [y, ...workspace], dy));
    const dz = known(reluGradient(dconvolved, convolved));
    const dfilter = engine().runKernel(
      'Conv2DBackpropFilter',
      { x: x as Tensor, dy: dz },
      { ...convolution, filterShape: filter.shape },
    ) as Tensor;
    const dbias = backend.executeSingleOutput('BiasAddGrad', [float, layout], [dz]);
    if (attrs?.inputGradient === false) return [dfilter, dbias];
    const dx = engine().runKernel(
      'Conv2DBackpropInput',
      { dy: dz, filter: filter as Tensor },
      { ...convolution, inputShape: x.shape },
    ) as Tensor;
    return [dfilter, dbias, dx];
  });
}

function register(kernelName: string, kernelFunc: KernelFunc): void {
  registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc });
}
