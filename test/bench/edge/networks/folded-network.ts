import type { LayersModel } from '@tensorflow/tfjs-layers';
import { foldModel } from '../../../../shared/model/compile/compile-model.ts';
import type { Operation } from '../../../../shared/model/compile/operation.ts';
import { scaledFilter } from '../../../../shared/model/compile/pack-weights.ts';

interface Node {
  inputs: number[];
  output: number;
  /** The shape of the output without the batch: height, width and channels, or only channels. */
  shape: number[];
}

interface Window {
  kernel: readonly number[];
  stride: readonly number[];
  /** Zeros at the top, the bottom, the left and the right. */
  pads: number[];
}

/** An operation with batch normalization and activations in it, as JSON for every contestant. */
export type FoldedNode =
  | (Node &
      Window & {
        kind: 'convolution' | 'depthwise';
        /** Floats of the filter [height, width, inChannels, outChannels], after which the bias follows. */
        filterAt: number;
        inChannels: number;
        outChannels: number;
        highest: number | null;
        relu: boolean;
      })
  | (Node & Window & { kind: 'pool'; average: boolean })
  | (Node & { kind: 'add'; relu: boolean; highest: number | null })
  | (Node & { kind: 'softmax' | 'reshape' });

export interface FoldedNetwork {
  inputShape: number[];
  outputs: number;
  output: number;
  nodes: FoldedNode[];
}

/**
 * Folds a network for contestants that don't fold it themselves.
 *
 * @throws {RangeError} if it has a layer that the compiler does not know
 */
export function foldedNetwork(model: LayersModel): {
  network: FoldedNetwork;
  weights: Float32Array;
} {
  const folded = foldModel(model, () => false);
  if (!folded) throw new RangeError('The network has several inputs or outputs.');
  const { operations, output, shapes } = folded;
  const shapeOf = (value: number) => shapes[value] as number[];
  const parts: Float32Array[] = [];
  let length = 0;
  const nodes = operations.map((operation): FoldedNode => {
    const { inputs } = operation;
    const node = { inputs, output: operation.output, shape: shapeOf(operation.output) };
    switch (operation.kind) {
      case 'convolution':
      case 'depthwise': {
        const filterAt = length;
        const { filter, scale, bias } = operation;
        parts.push(scaledFilter(filter, scale), bias);
        length += operation.filter.length + operation.bias.length;
        return {
          ...node,
          ...windowOf(operation, shapeOf),
          ...clampOf(operation.clamp),
          kind: operation.kind,
          filterAt,
          inChannels: shapeOf(inputs[0] as number).at(-1) as number,
          outChannels: node.shape.at(-1) as number,
        };
      }
      case 'pool':
        return {
          ...node,
          ...windowOf(operation, shapeOf),
          kind: 'pool',
          average: operation.average,
        };
      case 'add':
        return { ...node, kind: 'add', ...clampOf(operation.clamp) };
      case 'softmax':
      case 'reshape':
        return { ...node, kind: operation.kind };
      default:
        throw new RangeError(`The benchmark has no peer's operation for ${operation.kind}.`);
    }
  });
  const weights = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    weights.set(part, at);
    at += part.length;
  }
  const outputs = shapeOf(output).reduce((product, size) => product * size, 1);
  return { network: { inputShape: shapeOf(0), outputs, output, nodes }, weights };
}

function windowOf(
  { inputs, output, kernel, stride, before }: Extract<Operation, { kernel: unknown }>,
  shapeOf: (value: number) => number[],
): Window {
  const along = (axis: 0 | 1) => {
    const [from, to] = [shapeOf(inputs[0] as number), shapeOf(output)].map((shape) =>
      shape.length === 3 ? (shape[axis] as number) : 1,
    ) as [number, number];
    const covered = (to - 1) * stride[axis] + kernel[axis];
    return [before[axis], Math.max(0, covered - from - before[axis])];
  };
  return { kernel, stride, pads: [...along(0), ...along(1)] };
}

const clampOf = ({ lowest, highest }: { lowest: number; highest: number }) => ({
  relu: lowest === 0,
  highest: highest < 1e30 ? highest : null,
});
