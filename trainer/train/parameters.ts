import { layerShapes } from '../../shared/model/layer-shapes.ts';
import { isFixed, type TrainingSpec } from '../../shared/model/training-spec.ts';
import { sizeOf } from '../weights/tensor.ts';

/** A tensor in the flat vector of a network's parameters. */
export interface Parameter {
  /** The position of its layer in the spec. */
  layer: number;
  /** `mean` and `variance` are batch normalization's moving statistics, which no gradient moves. */
  kind: 'kernel' | 'bias' | 'gamma' | 'beta' | 'mean' | 'variance';
  shape: readonly number[];
  /** Whether the training leaves it as it is. */
  fixed: boolean;
  /** The position of its first number in the vector. */
  offset: number;
  size: number;
}

/**
 * Returns the tensors of a network in the order of their layers. A convolution with batch normalization after it has no bias, which the
 * normalization would subtract again.
 *
 * @throws {RangeError} if a layer doesn't fit what it reads
 */
export function parametersOf(spec: Pick<TrainingSpec, 'inputShape' | 'layers'>): Parameter[] {
  const shapes = layerShapes(spec);
  const parameters: Parameter[] = [];
  let offset = 0;
  for (const [index, layer] of spec.layers.entries()) {
    const inputs = (shapes[index - 1] ?? spec.inputShape).at(-1) as number;
    const isNormalized = spec.layers[index + 1]?.type === 'batchNorm';
    const push = (kind: Parameter['kind'], shape: number[]) => {
      const size = sizeOf(shape);
      parameters.push({ layer: index, kind, shape, fixed: isFixed(layer), offset, size });
      offset += size;
    };
    if (layer.type === 'conv2d' || layer.type === 'depthwiseConv2d') {
      const { kernelSize } = layer;
      const outputs = layer.type === 'conv2d' ? layer.filters : inputs;
      const perInput = layer.type === 'conv2d' ? outputs : 1;
      push('kernel', [kernelSize, kernelSize, inputs, perInput]);
      if (!isNormalized) push('bias', [outputs]);
    } else if (layer.type === 'dense') {
      push('kernel', [inputs, layer.units]);
      push('bias', [layer.units]);
    } else if (layer.type === 'batchNorm') {
      for (const kind of ['gamma', 'beta', 'mean', 'variance'] as const) push(kind, [inputs]);
    }
  }
  return parameters;
}

/** Returns the numbers of all tensors together. */
export const countOf = (parameters: readonly Parameter[]): number =>
  parameters.reduce((sum, { size }) => sum + size, 0);

/** Returns whether the gradient moves a tensor. */
export const isTrained = (tensor: Pick<Parameter, 'kind' | 'fixed'>): boolean =>
  !tensor.fixed && !isStatistic(tensor);

/** Returns whether a tensor holds moving statistics, which each step averages instead of following a gradient. */
export const isStatistic = ({ kind }: Pick<Parameter, 'kind'>): boolean =>
  kind === 'mean' || kind === 'variance';
