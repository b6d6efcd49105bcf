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

  register(POOLED_CONVOLUTION, ({ inputs }) => {
    const { x, filter, bias } = inputs as { x: Tensor; filter: Tensor; bias: Tensor };
    const product = engine().runKernel('Conv2D', { x, filter }, convolution) as Tensor;
    const sum = backend.executeSingleOutput('BiasAdd', [float, layout], [product, bias]);
    product.dispose();
    const convolved = backend.executeSingleOutput('Relu', [float], [sum]);
    backend.disposeData(sum.dataId);
    const [y, ...workspace] = pooling.pool(convolved) as [TensorInfo, ...TensorInfo[]];
    return [y, convolved, ...workspace];
  });

  register(POOLED_CONVOLUTION_GRADIENT, ({ inputs, attrs }) => {
    const { x, filter, dy, y, kept0: convolved } = inputs as PooledConvolutionGradientInputs;
    const workspace = inputs.kept1 ? [inputs.kept1] : [];
    const dconvolved = pooling.gradient(convolved, [y, ...workspace], dy);
    const dz = reluGradient(dconvolved, convolved);
    backend.disposeData(dconvolved.dataId);
    const dfilter = engine().runKernel(
      'Conv2DBackpropFilter',
      { x: x as Tensor, dy: dz as Tensor },
      { ...convolution, filterShape: filter.shape },
    ) as Tensor;
    const dbias = backend.executeSingleOutput('BiasAddGrad', [float, layout], [dz]);
    const gradients: TensorInfo[] = [dfilter, dbias];
    if (attrs?.inputGradient !== false) {
      const dx = engine().runKernel(
        'Conv2DBackpropInput',
        { dy: dz as Tensor, filter: filter as Tensor },
        { ...convolution, inputShape: x.shape },
      ) as Tensor;
      gradients.push(dx);
    }
    backend.disposeData(dz.dataId);
    return gradients;
  });
}

function register(kernelName: string, kernelFunc: KernelFunc): void {
  registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc });
}
