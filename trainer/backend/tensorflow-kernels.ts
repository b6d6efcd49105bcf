import {
  engine,
  getKernel,
  type KernelFunc,
  type NamedAttrMap,
  registerKernel,
  type Tensor,
  type TensorInfo,
  tensor4d,
} from '@tensorflow/tfjs-core';
import {
  POOLED_CONVOLUTION,
  POOLED_CONVOLUTION_GRADIENT,
  type PooledConvolutionGradientInputs,
} from './fused-operations.ts';

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

/** The part of the package's backend that is used here. */
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

/** Registers the kernels that training needs and TensorFlow.js does not define. */
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

  // Bias and ReLU keep the order of values. After pooling, they and their gradients process a quarter of them.
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

/** 2x2 max pooling and its gradient, computed with TensorFlow's operations. */
interface TensorflowPooling {
  /** x [N, H, W, C] -> y [N, H / 2, W / 2, C] and anything else that the gradient needs. */
  pool(x: TensorInfo): TensorInfo[];
  gradient(x: TensorInfo, pooled: TensorInfo[], dy: TensorInfo): TensorInfo;
}

/**
 * Pools with oneDNN on a CPU, if TensorFlow has it. TensorFlow's own gradient of pooling takes thirty times as long there,
 * on one thread. TensorFlow's graph rewriter replaces MaxPool with `_MklNativeMaxPool`
 * (core/common_runtime/mkl_layout_pass.cc), but not in operations that are called one by one.
 */
function tensorflowPooling(
  backend: TensorflowBackend,
  binding: TensorflowBinding,
): TensorflowPooling {
  const text = (name: string, value: string) => ({ name, type: binding.TF_ATTR_STRING, value });
  const sizes = (name: string) => ({ name, type: binding.TF_ATTR_INT, value: [1, 2, 2, 1] });
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    sizes('ksize'),
    sizes('strides'),
    text('padding', 'VALID'),
    text('data_format', 'NHWC'),
  ];
  const stock: TensorflowPooling = {
    pool: (x) => [backend.executeSingleOutput('MaxPool', attributes, [x])],
    gradient: (x, [y], dy) =>
      backend.executeSingleOutput('MaxPoolGrad', attributes, [x, y as TensorInfo, dy]),
  };
  if (binding.isUsingGpuDevice()) return stock;
  const oneDnnAttributes = [
    ...attributes,
    { name: 'workspace_enabled', type: binding.TF_ATTR_BOOL, value: true },
    // These operations are registered with this label.
    text('_kernel', 'MklNameChangeOp'),
  ];
  const oneDnn: TensorflowPooling = {
    pool: (x) => backend.executeMultipleOutputs('_MklNativeMaxPool', oneDnnAttributes, [x], 2),
    gradient: (x, [y, workspace], dy) =>
      backend.executeSingleOutput('_MklNativeMaxPoolGrad', oneDnnAttributes, [
        x,
        y as TensorInfo,
        dy,
        workspace as TensorInfo,
      ]),
  };
  return works(oneDnn, backend) ? oneDnn : stock;
}

/** Tries the operations: without oneDNN, as on ARM, TensorFlow knows their names but has no kernels. */
function works({ pool, gradient }: TensorflowPooling, backend: TensorflowBackend): boolean {
  const x = tensor4d([1, 3, 2, 0], [1, 2, 2, 1]);
  try {
    const pooled = pool(x);
    const dx = gradient(x, pooled, pooled[0] as TensorInfo);
    const values = backend.readSync(dx.dataId);
    for (const { dataId } of [...pooled, dx]) backend.disposeData(dataId);
    return values.join() === '0,3,0,0';
  } catch {
    return false;
  } finally {
    x.dispose();
  }
}
