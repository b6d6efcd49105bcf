import {
  customGrad,
  engine,
  type GradConfig,
  type GradSaveFunc,
  getBackend,
  getGradient,
  getKernel,
  mul,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type NamedTensorMap,
  registerGradient,
  registerKernel,
  step,
  sum,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { LayerSpec } from '../../shared/model/model-spec.ts';

/**
 * Registers the gradients of TensorFlow.js's two fused kernels, FusedConv2D and _FusedMatMul. TensorFlow.js itself falls
 * back to separate kernels while it records gradients, which costs two more passes over every activation. Works on every
 * backend and may be called again.
 */
export function registerFusedGradients(): void {
  if (!getGradient('FusedConv2D')) registerGradient(fusedConv2dGradient);
  if (!getGradient('_FusedMatMul')) registerGradient(fusedMatMulGradient);
  if (!getKernel('ReluGrad', 'cpu')) {
    registerKernel({
      kernelName: 'ReluGrad',
      backendName: 'cpu',
      kernelFunc: ({ inputs }) => {
        const { dy, y } = inputs as { dy: Tensor; y: Tensor };
        return mul(dy, step(y));
      },
    });
  }
}

const run = <Result extends Tensor | Tensor[] = Tensor>(
  kernel: string,
  inputs: NamedTensorMap,
  attrs?: NamedAttrMap,
): Result => engine().runKernel(kernel, inputs, attrs);

const fusedConv2dGradient: GradConfig = {
  kernelName: 'FusedConv2D',
  inputsToSave: ['x', 'filter'],
  outputsToSave: [true],
  gradFunc(dy, saved, { activation, ...geometry }) {
    const [x, filter, y] = saved as [Tensor, Tensor, Tensor];
    const dz = activationGradient(dy as Tensor, y, activation);
    return {
      x: () => run('Conv2DBackpropInput', { dy: dz, filter }, { ...geometry, inputShape: x.shape }),
      filter: () =>
        run('Conv2DBackpropFilter', { x, dy: dz }, { ...geometry, filterShape: filter.shape }),
      bias: () => sum(dz, [0, 1, 2]),
    };
  },
};

const fusedMatMulGradient: GradConfig = {
  kernelName: '_FusedMatMul',
  inputsToSave: ['a', 'b'],
  outputsToSave: [true],
  gradFunc(dy, saved, { activation }) {
    const [a, b, y] = saved as [Tensor, Tensor, Tensor];
    const dz = activationGradient(dy as Tensor, y, activation);
    return {
      a: () => run('BatchMatMul', { a: dz, b }, { transposeA: false, transposeB: true }),
      b: () => run('BatchMatMul', { a, b: dz }, { transposeA: true, transposeB: false }),
      bias: () => sum(dz, [0, 1]),
    };
  },
};

function activationGradient(dy: Tensor, y: Tensor, activation: unknown): Tensor {
  if (activation === 'linear') return dy;
  if (activation !== 'relu') throw new RangeError(`No gradient for activation ${activation}.`);
  return run('ReluGrad', { dy, y });
}

/**
 * Two kernels that Catwalk adds to backends that compute them faster than layer by layer. The first takes x, filter and
 * bias, and returns y and what the gradient needs. The second returns the gradients of filter, bias and, unless
 * `inputGradient` is false, x.
 */
export const POOLED_CONVOLUTION = 'PooledConv2D';
export const POOLED_CONVOLUTION_GRADIENT = 'PooledConv2DGrad';

export interface PooledConvolutionGradientInputs extends NamedTensorInfoMap {
  x: TensorInfo;
  filter: TensorInfo;
  dy: TensorInfo;
  y: TensorInfo;
  /** The tensors that the first kernel keeps for the gradient: `kept0`, `kept1` and so on. */
  kept0: TensorInfo;
}

/** Returns whether the current backend has a kernel that computes both layers at once. */
export const poolsInOnePass = (layer: LayerSpec, next: LayerSpec): boolean =>
  layer.type === 'conv2d' &&
  layer.kernelSize === 3 &&
  next.type === 'maxPool2d' &&
  next.poolSize === 2 &&
  getKernel(POOLED_CONVOLUTION, getBackend()) !== undefined;

/**
 * Computes a 3x3 convolution with padding, bias, ReLU and 2x2 max pooling, with its gradient. The gradient follows the
 * one value in four that pooling kept; a convolution's own gradient would process mostly zeros.
 *
 * @param x [N, H, W, Ci]
 * @param filter [3, 3, Ci, Co]
 * @param bias [Co]
 * @param withInputGradient false if x is the network's input, whose gradient is not needed
 * @returns [N, H / 2, W / 2, Co]
 */
export function convolveAndPool(
  x: Tensor,
  filter: Tensor,
  bias: Tensor,
  withInputGradient: boolean,
): Tensor {
  const convolve = customGrad((kernel, offset, ...rest) => {
    const save = rest.pop() as unknown as GradSaveFunc;
    const [input = x] = rest as Tensor[];
    const inputs = { x: input, filter: kernel as Tensor, bias: offset as Tensor };
    const [y, ...kept] = run<[Tensor, ...Tensor[]]>(POOLED_CONVOLUTION, inputs);
    save([inputs.x, inputs.filter, y, ...kept]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedX, savedFilter, savedY, ...savedKept] = saved as [Tensor, Tensor, Tensor];
        const savedInputs: NamedTensorMap = { x: savedX, filter: savedFilter, y: savedY, dy };
        for (const [index, tensor] of savedKept.entries()) savedInputs[`kept${index}`] = tensor;
        const attrs = { inputGradient: withInputGradient };
        return run<Tensor[]>(POOLED_CONVOLUTION_GRADIENT, savedInputs, attrs);
      },
    };
  });
  return withInputGradient ? convolve(filter, bias, x) : convolve(filter, bias);
}
