/**
 * Everything that the Worker uses of TensorFlow.js, imported as `#tensorflow`. `npm run build` bundles it into one
 * file, without code that no prediction reaches (infra/generate/tensorflow.ts).
 */
import '@tensorflow/tfjs-core/dist/base_side_effects';
import '@tensorflow/tfjs-backend-cpu/dist/base';
import '@tensorflow/tfjs-layers/dist/layers/convolutional';
import '@tensorflow/tfjs-layers/dist/layers/core';
import '@tensorflow/tfjs-layers/dist/layers/pooling';

export type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu/dist/base';
export { _fusedMatMulConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/_FusedMatMul';
export { fusedConv2DConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/FusedConv2D';
export { identityConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Identity';
export { maxPoolConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/MaxPool';
export { reshapeConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Reshape';
export {
  type DataId,
  dispose,
  engine,
  env,
  getKernel,
  type KernelConfig,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorMap,
  registerKernel,
  reshape,
  serialization,
  type Tensor,
  type TensorInfo,
  tidy,
} from '@tensorflow/tfjs-core';
export type { LayersModel } from '@tensorflow/tfjs-layers';
export { Initializer } from '@tensorflow/tfjs-layers/dist/initializers';
export type { PyJsonDict } from '@tensorflow/tfjs-layers/dist/keras_format/types';
export { modelFromJSON } from '@tensorflow/tfjs-layers/dist/models';
