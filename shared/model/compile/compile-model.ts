import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { fuse } from './fuse.ts';
import { layerGraph } from './layer-graph.ts';
import { operationsOf } from './layer-operations.ts';
import { imageShape, isForWinograd } from './layout.ts';
import type { Machine } from './machine.ts';
import type { Convolution, ImageShape, Operation } from './operation.ts';
import { createSegment, type Segment } from './segment.ts';

/** A layer, or an activation, that TensorFlow.js computes. */
export interface StockStep {
  kind: 'stock';
  name: string;
  inputs: number[];
  output: number;
  apply(inputs: Tensor[]): Tensor;
}

export type PlanStep = StockStep | { kind: 'segment'; segment: Segment };

/** A compiled model: the steps that lead from value 0, the input, to `output`. */
export interface Plan {
  steps: PlanStep[];
  output: number;
  /** The shape of each value without the batch. */
  shapes: number[][];
}

/** A model's operations, merged. Value 0 is the input. */
export interface FoldedModel {
  operations: Operation[];
  output: number;
  /** The shape of each value without the batch. */
  shapes: number[][];
}

/**
 * Translates a layers model, sequential or functional, to operations, and merges those that one kernel can compute.
 *
 * @param canPool whether convolutions may also pool (default: those by Winograd's algorithm)
 * @returns null if the model has several inputs or outputs, or sizes that are unknown
 */
export function foldModel(model: LayersModel, canPool = isPooledByWinograd): FoldedModel | null {
  const graph = layerGraph(model);
  if (!graph) return null;
  const { shapes } = graph;
  const aliases = new Map<number, number>();
  const operations: Operation[] = [];
  for (const call of graph.calls) {
    const inputs = call.inputs.map((value) => aliases.get(value) ?? value);
    const found = operationsOf(graph, { ...call, inputs });
    if (found.length === 0) aliases.set(call.output, inputs[0] as number);
    operations.push(...found);
  }
  const output = aliases.get(graph.output) ?? graph.output;
  const imageOf = imagesOf(shapes);
  const fused = fuse(
    operations,
    output,
    (convolution, pooled) => canPool(convolution, pooled, imageOf),
    (value) => imageOf(value).channels,
  );
  return { operations: fused, output, shapes };
}

type ImageOf = (value: number) => ImageShape;

const imagesOf =
  (shapes: number[][]): ImageOf =>
  (value) => {
    const shape = imageShape(shapes[value] ?? []);
    if (shape) return shape;
    throw new RangeError(`Value ${value} is not an image.`);
  };

function isPooledByWinograd(convolution: Convolution, pooled: number, imageOf: ImageOf): boolean {
  const [from, to] = [imageOf(convolution.output), imageOf(pooled)];
  // With padding 'same', the last window of an odd size reaches out of the image, and a tile has a pixel there.
  if (2 * to.height > from.height || 2 * to.width > from.width) return false;
  const input = imageOf(convolution.inputs[0] as number);
  return isForWinograd(convolution, input, imageOf(convolution.output));
}

/**
 * Compiles a layers model to as few segments of kernel calls as possible. Layers that the compiler does not know stay as they are,
 * between the segments.
 *
 * @param machine opens the kernels; called only if the model needs them
 * @returns null if the model has several inputs or outputs, or sizes that are unknown
 */
export function compileModel(model: LayersModel, machine: () => Machine): Plan | null {
  const folded = foldModel(model);
  if (!folded) return null;
  const { operations, output, shapes } = folded;
  const steps = partition(operations).map((part): PlanStep => {
    const [first] = part;
    if (first?.kind === 'stock') return first;
    const inside = new Set(part);
    const later = operations.filter((each) => !inside.has(each)).flatMap(({ inputs }) => inputs);
    const outputs = part
      .map((each) => each.output)
      .filter((value) => value === output || later.includes(value));
    return { kind: 'segment', segment: createSegment(machine(), part, outputs, imagesOf(shapes)) };
  });
  return { steps, output, shapes };
}

/** Groups operations that follow each other, except those that TensorFlow.js computes. */
function partition(operations: readonly Operation[]): Operation[][] {
  const parts: Operation[][] = [];
  for (const operation of operations) {
    const last = parts.at(-1);
    const isApart = operation.kind === 'stock' || last?.[0]?.kind === 'stock';
    if (!last || isApart) parts.push([operation]);
    else last.push(operation);
  }
  return parts;
}

/** The names of the layers that TensorFlow.js computes, each once. */
export const stockLayers = ({ steps }: Plan): string[] =>
  Array.from(new Set(steps.flatMap((step) => (step.kind === 'stock' ? step.name : []))));
