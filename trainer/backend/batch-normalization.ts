/** Batch normalization with an activation: an operation with its gradient, and kernels composed of TensorFlow.js's own operations. */
import {
  add,
  customGrad,
  engine,
  type GradSaveFunc,
  getKernel,
  mean as meanOver,
  mul,
  type NamedTensorMap,
  registerKernel,
  relu,
  relu6,
  rsqrt,
  square,
  step,
  sub,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { Activation } from '../../shared/model/model-spec.ts';

/** Added to a variance before its root, as in PyTorch's `nn.BatchNorm2d`. */
export const normalizationEpsilon = 1e-5;

/**
 * The first takes x, gamma and beta, and returns y and the mean and variance of each channel. The second takes x, gamma, beta, mean,
 * variance and dy, and returns the gradients of x, gamma and beta. Both have the attribute `activation`.
 */
export const BATCH_NORMALIZATION = 'BatchNormalization';
export const BATCH_NORMALIZATION_GRADIENT = 'BatchNormalizationGrad';

/**
 * Normalizes each channel of a batch to mean 0 and variance 1, scales it by gamma, adds beta and applies the activation.
 *
 * @param x [N, H, W, C]
 * @param gamma, beta [C]
 * @param record receives mean and variance [C] of the batch; the variance is that of its values, with divisor N·H·W
 */
export function normalizeBatch(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  activation: Activation,
  record: (mean: Tensor, variance: Tensor) => void,
): Tensor {
  const attrs = { activation };
  const normalize = customGrad((input, scale, offset, save) => {
    const inputs = { x: input as Tensor, gamma: scale as Tensor, beta: offset as Tensor };
    const outputs = engine().runKernel(BATCH_NORMALIZATION, inputs, attrs) as Tensor[];
    const [y, mean, variance] = outputs as [Tensor, Tensor, Tensor];
    record(mean, variance);
    (save as unknown as GradSaveFunc)([inputs.x, inputs.gamma, inputs.beta, mean, variance]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedX, savedGamma, savedBeta, savedMean, savedVariance] = saved as [
          Tensor,
          Tensor,
          Tensor,
          Tensor,
          Tensor,
        ];
        const known: NamedTensorMap = { x: savedX, gamma: savedGamma, beta: savedBeta, dy };
        known.mean = savedMean;
        known.variance = savedVariance;
        return engine().runKernel(BATCH_NORMALIZATION_GRADIENT, known, attrs) as Tensor[];
      },
    };
  });
  return normalize(x, gamma, beta);
}

/** Registers kernels for a backend that has none of its own. */
export function registerComposedNormalization(backendName: string): void {
  if (getKernel(BATCH_NORMALIZATION, backendName)) return;
  registerKernel({
    kernelName: BATCH_NORMALIZATION,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, gamma, beta } = inputs as Record<'x' | 'gamma' | 'beta', Tensor>;
      const mean = meanOver(x, [0, 1, 2]);
      const variance = meanOver(square(sub(x, mean)), [0, 1, 2]);
      const z = normalized({ x, gamma, beta, mean, variance });
      const y =
        attrs?.activation === 'relu' ? relu(z) : attrs?.activation === 'relu6' ? relu6(z) : z;
      return [y, mean, variance];
    },
  });
  registerKernel({
    kernelName: BATCH_NORMALIZATION_GRADIENT,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const known = inputs as unknown as Known & { dy: Tensor };
      const { x, gamma, mean, variance, dy } = known;
      const dz = maskedBy(normalized(known), dy, attrs?.activation);
      const inverse = rsqrt(add(variance, normalizationEpsilon));
      const standard = mul(sub(x, mean), inverse);
      const dbeta = sum(dz, [0, 1, 2]);
      const dgamma = sum(mul(dz, standard), [0, 1, 2]);
      const share = gamma.size / x.size;
      const common = add(mul(dbeta, share), mul(standard, mul(dgamma, share)));
      return [mul(sub(dz, common), mul(gamma, inverse)), dgamma, dbeta];
    },
  });
}

type Known = Record<'x' | 'gamma' | 'beta' | 'mean' | 'variance', Tensor>;

function normalized({ x, gamma, beta, mean, variance }: Known): Tensor {
  const scale = mul(gamma, rsqrt(add(variance, normalizationEpsilon)));
  return add(mul(sub(x, mean), scale), beta);
}

function maskedBy(z: Tensor, dy: Tensor, activation: unknown): Tensor {
  if (activation === 'linear') return dy;
  const open = mul(dy, step(z));
  return activation === 'relu6' ? mul(open, step(sub(6, z))) : open;
}
