import {
  engine,
  type GradConfig,
  getGradient,
  getKernel,
  mul,
  registerGradient,
  registerKernel,
  step,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';

/**
 * Gives TensorFlow.js the gradients of its two fused kernels, FusedConv2D and _FusedMatMul. Its own layers
 * fall back to separate kernels while gradients are recorded, which costs two more passes over every
 * activation. Works on every backend; safe to call again.
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

const fusedConv2dGradient: GradConfig = {
  kernelName: 'FusedConv2D',
  inputsToSave: ['x', 'filter'],
  outputsToSave: [true],
  gradFunc(dy, saved, attrs) {
    const [x, filter, y] = saved as [Tensor, Tensor, Tensor];
    const dz = throughActivation(dy as Tensor, y, attrs.activation);
    // Everything that the gradients' kernels read besides the shape: strides, pad, data format, rounding.
    const { activation: _, ...shared } = attrs;
    return {
      x: () =>
        engine().runKernel(
          'Conv2DBackpropInput',
          { dy: dz, filter },
          { ...shared, inputShape: x.shape },
        ) as Tensor,
      filter: () =>
        engine().runKernel(
          'Conv2DBackpropFilter',
          { x, dy: dz },
          { ...shared, filterShape: filter.shape },
        ) as Tensor,
      bias: () => sum(dz, [0, 1, 2]),
    };
  },
};

const fusedMatMulGradient: GradConfig = {
  kernelName: '_FusedMatMul',
  inputsToSave: ['a', 'b'],
  outputsToSave: [true],
  gradFunc(dy, saved, attrs) {
    const [a, b, y] = saved as [Tensor, Tensor, Tensor];
    const dz = throughActivation(dy as Tensor, y, attrs.activation);
    const product = (left: Tensor, right: Tensor, transposeA: boolean, transposeB: boolean) =>
      engine().runKernel(
        'BatchMatMul',
        { a: left, b: right },
        { transposeA, transposeB },
      ) as Tensor;
    return {
      a: () => product(dz, b, false, true),
      b: () => product(a, dz, true, false),
      bias: () => sum(dz, [0, 1]),
    };
  },
};

function throughActivation(dy: Tensor, y: Tensor, activation: unknown): Tensor {
  if (activation === 'linear') return dy;
  if (activation !== 'relu') throw new RangeError(`No gradient for activation ${activation}.`);
  return engine().runKernel('ReluGrad', { dy, y }) as Tensor;
}
