import { type KernelFunc, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { normalizationEpsilon } from './batch-normalization.ts';
import { rangeOf } from './wasm-activation.ts';
import type { TensorHeap } from './wasm-heap.ts';

const clampOf = (activation: unknown) => {
  const range = rangeOf(activation);
  if (range) return range;
  throw new RangeError(`No normalization for activation ${activation}.`);
};

/** x [..., C], gamma and beta [C] -> y, mean and variance. */
export function batchNormalization(heap: TensorHeap): KernelFunc {
  const { kernels } = heap;
  return ({ inputs, attrs }) => {
    const { x, gamma, beta } = inputs as Record<'x' | 'gamma' | 'beta', TensorInfo>;
    const [rows, channels] = sizesOf(x);
    const y = heap.allocate(x.shape);
    const mean = heap.allocate([channels]);
    const variance = heap.allocate([channels]);
    const at = heap.addressesOf({ x, gamma, beta, y, mean, variance });
    heap.withScratch([kernels.normalizationScratchBytes(channels)], (scratch) => {
      kernels.batchMoments(at.x, rows, channels, scratch, at.mean, at.variance);
      kernels.normalize(
        at.x,
        rows,
        channels,
        at.gamma,
        at.beta,
        at.mean,
        at.variance,
        normalizationEpsilon,
        ...clampOf(attrs?.activation),
        scratch,
        at.y,
      );
    });
    return [y, mean, variance];
  };
}

/** x and dy [..., C], gamma, beta, mean and variance [C] -> dx, dgamma and dbeta. */
export function batchNormalizationGradient(heap: TensorHeap): KernelFunc {
  const { kernels } = heap;
  return ({ inputs, attrs }) => {
    const { x, gamma, beta, mean, variance, dy } = inputs as Record<
      'x' | 'gamma' | 'beta' | 'mean' | 'variance' | 'dy',
      TensorInfo
    >;
    const [rows, channels] = sizesOf(x);
    const dx = heap.allocate(x.shape);
    const dgamma = heap.allocate([channels]);
    const dbeta = heap.allocate([channels]);
    const at = heap.addressesOf({ x, gamma, beta, mean, variance, dy, dx, dgamma, dbeta });
    heap.withScratch([2 * kernels.normalizationScratchBytes(channels)], (scratch) =>
      kernels.normalizeGradient(
        at.x,
        at.dy,
        rows,
        channels,
        at.gamma,
        at.beta,
        at.mean,
        at.variance,
        normalizationEpsilon,
        ...clampOf(attrs?.activation),
        scratch,
        at.dx,
        at.dgamma,
        at.dbeta,
      ),
    );
    return [dx, dgamma, dbeta];
  };
}

function sizesOf({ shape }: TensorInfo): [rows: number, channels: number] {
  const channels = shape.at(-1) ?? 1;
  return [util.sizeFromShape(shape) / channels, channels];
}
