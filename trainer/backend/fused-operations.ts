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
  relu,
  relu6,
  step,
  sub,
  sum,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { Activation } from '../../shared/model/model-spec.ts';
import type { TrainingLayer } from '../../shared/model/training-spec.ts';

/**
 * Registers the gradients of TensorFlow.js's fused kernels, FusedConv2D, FusedDepthwiseConv2D and _FusedMatMul. TensorFlow.js
 * itself falls back to separate kernels while it records gradients, which costs two more passes over every activation. Works
 * on every backend and may be called again.
 */
export function registerFusedGradients(): void {
  const gradients = [fusedConv2dGradient, fusedDepthwiseGradient, fusedMatMulGradient];
  for (const gradient of gradients) {
    if (!getGradient(gradient.kernelName)) registerGradient(gradient);
  }
  registerOnce('ReluGrad', 'cpu', ({ dy, y }) => mul(dy, step(y)));
  for (const backend of ['cpu', 'tensorflow']) {
    registerOnce('Relu6Grad', backend, ({ dy, y }) => mul(dy, mul(step(y), step(sub(6, y)))));
  }
}

function registerOnce(
  kernelName: string,
  backendName: string,
  compute: (inputs: { dy: Tensor; y: Tensor }) => Tensor,
): void {
  if (getKernel(kernelName, backendName)) return;
  registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs }) => compute(inputs as { dy: Tensor; y: Tensor }),
  });
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

const fusedDepthwiseGradient: GradConfig = {
  kernelName: 'FusedDepthwiseConv2D',
  inputsToSave: ['x', 'filter'],
  outputsToSave: [true],
  gradFunc(dy, saved, { activation, ...geometry }) {
    const [x, filter, y] = saved as [Tensor, Tensor, Tensor];
    const dz = activationGradient(dy as Tensor, y, activation);
    const { shape: inputShape } = x;
    const { shape: filterShape } = filter;
    return {
      x: () =>
        run('DepthwiseConv2dNativeBackpropInput', { dy: dz, filter }, { ...geometry, inputShape }),
      filter: () =>
        run('DepthwiseConv2dNativeBackpropFilter', { x, dy: dz }, { ...geometry, filterShape }),
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
  if (activation === 'relu') return run('ReluGrad', { dy, y });
  if (activation === 'relu6') return run('Relu6Grad', { dy, y });
  throw new RangeError(`No gradient for activation ${activation}.`);
}

/** Applies an activation, whose gradient follows from its output. */
export function activate(x: Tensor, activation: Activation): Tensor {
  if (activation === 'linear') return x;
  const compute = customGrad((input, save) => {
    const y = activation === 'relu' ? relu(input as Tensor) : relu6(input as Tensor);
    (save as GradSaveFunc)([y]);
    return {
      value: y,
      gradFunc: (dy: Tensor, [saved]: Tensor[]) =>
        activationGradient(dy, saved as Tensor, activation),
    };
  });
  return compute(x);
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
export const poolsInOnePass = (layer: TrainingLayer, next: TrainingLayer): boolean =>
  layer.type === 'conv2d' &&
  layer.kernelSize === 3 &&
  (layer.strides ?? 1) === 1 &&
  (layer.activation ?? 'relu') === 'relu' &&
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
