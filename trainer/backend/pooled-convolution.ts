import {
  customGrad,
  engine,
  type GradSaveFunc,
  getBackend,
  getKernel,
  type NamedTensorInfoMap,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { LayerSpec } from '../../shared/model/model-spec.ts';

/**
 * Names of two kernels that Catwalk adds to the backends that can compute them faster than layer by layer. The first
 * takes x, filter and bias and returns y and what it wants to keep for the gradient; the second returns the
 * gradients of filter and bias and, unless `inputGradient` is false, of x.
 */
export const POOLED_CONVOLUTION = 'PooledConv2D';
export const POOLED_CONVOLUTION_GRADIENT = 'PooledConv2DGrad';

export interface PooledConvolutionGradientInputs extends NamedTensorInfoMap {
  x: TensorInfo;
  filter: TensorInfo;
  dy: TensorInfo;
  y: TensorInfo;
  /** What the backend kept: `kept0` and as many more as it wants. */
  kept0: TensorInfo;
}

/** Whether the current backend has a kernel that computes both layers at once. */
export const poolsInOnePass = (layer: LayerSpec, next: LayerSpec): boolean =>
  layer.type === 'conv2d' &&
  layer.kernelSize === 3 &&
  next.type === 'maxPool2d' &&
  next.poolSize === 2 &&
  getKernel(POOLED_CONVOLUTION, getBackend()) !== undefined;

/**
 * 3x3 convolution with padding, bias, ReLU and 2x2 maximum pooling, with its gradient. That follows the one value in
 * four that pooling let through, instead of a convolution's whole gradient, most of which is 0.
 *
 * @param x [N, H, W, Ci]
 * @param filter [3, 3, Ci, Co]
 * @param bias [Co]
 * @param withInputGradient false where x is the network's input, whose gradient nobody asks for
 * @returns [N, H / 2, W / 2, Co]
 */
export function convolveAndPool(
  x: Tensor,
  filter: Tensor,
  bias: Tensor,
  withInputGradient: boolean,
): Tensor {
  const convolve = (input: Tensor, kernel: Tensor, offset: Tensor, save: GradSaveFunc) => {
    const [y, ...kept] = engine().runKernel(POOLED_CONVOLUTION, {
      x: input,
      filter: kernel,
      bias: offset,
    }) as unknown as [Tensor, ...Tensor[]];
    save([input, kernel, y, ...kept]);
    return {
      value: y,
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedInput, savedKernel, savedY, ...savedKept] = saved as [Tensor, Tensor, Tensor];
        const [dfilter, dbias, ...dx] = engine().runKernel(
          POOLED_CONVOLUTION_GRADIENT,
          {
            ...{ x: savedInput, filter: savedKernel, y: savedY, dy },
            ...Object.fromEntries(savedKept.map((tensor, index) => [`kept${index}`, tensor])),
          },
          { inputGradient: withInputGradient },
        ) as unknown as Tensor[];
        return [...dx, dfilter, dbias] as Tensor[];
      },
    };
  };
  if (withInputGradient) {
    return customGrad((input, kernel, offset, save) =>
      convolve(input as Tensor, kernel as Tensor, offset as Tensor, save as GradSaveFunc),
    )(x, filter, bias);
  }
  return customGrad((kernel, offset, save) =>
    convolve(x, kernel as Tensor, offset as Tensor, save as GradSaveFunc),
  )(filter, bias);
}
