import { type TensorInfo, tensor4d } from '@tensorflow/tfjs-core';
import type { TensorflowBackend, TensorflowBinding } from './tensorflow-kernels.ts';

/** 2x2 maximum pooling and its gradient by TensorFlow's own operations. */
export interface TensorflowPooling {
  /** x [N, H, W, C] -> y [N, H / 2, W / 2, C] and whatever else the gradient needs. */
  pool(x: TensorInfo): TensorInfo[];
  gradient(x: TensorInfo, pooled: TensorInfo[], dy: TensorInfo): TensorInfo;
}

/**
 * By oneDNN on a CPU, where TensorFlow has it: TensorFlow's own gradient of pooling takes thirty times as long there, on one
 * thread. `_MklNativeMaxPool` is what TensorFlow's graph rewriter puts in the place of MaxPool
 * (core/common_runtime/mkl_layout_pass.cc); called one by one, operations are not rewritten.
 */
export function tensorflowPooling(
  backend: TensorflowBackend,
  binding: TensorflowBinding,
): TensorflowPooling {
  const text = (name: string, value: string) => ({ name, type: binding.TF_ATTR_STRING, value });
  const sizes = (name: string) => ({ name, type: binding.TF_ATTR_INT, value: [1, 2, 2, 1] });
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    ...[sizes('ksize'), sizes('strides')],
    ...[text('padding', 'VALID'), text('data_format', 'NHWC')],
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
    // The label that these operations are registered with.
    text('_kernel', 'MklNameChangeOp'),
  ];
  const oneDnn: TensorflowPooling = {
    pool: (x) => backend.executeMultipleOutputs('_MklNativeMaxPool', oneDnnAttributes, [x], 2),
    gradient: (x, [y, workspace], dy) =>
      backend.executeSingleOutput('_MklNativeMaxPoolGrad', oneDnnAttributes, [
        ...[x, y as TensorInfo, dy, workspace as TensorInfo],
      ]),
  };
  return works(oneDnn, backend) ? oneDnn : stock;
}

/** A TensorFlow without oneDNN, as on ARM, knows the operations' names but has no kernels for them. */
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
