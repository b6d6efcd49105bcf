import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers';

export type Layer = LayersModel['layers'][number];

/** A call of a layer. Values are numbered in the order in which they can be computed; the input is value 0. */
export interface LayerCall {
  layer: Layer;
  inputs: number[];
  output: number;
}

export interface LayerGraph {
  calls: LayerCall[];
  /** The shape of each value without the batch. */
  shapes: number[][];
  output: number;
}

/**
 * Returns the calls of a model's layers, with those of nested models in their place.
 *
 * @returns null if the model has several inputs or outputs, a layer with several outputs, a mask or a size that is unknown
 */
export function layerGraph(model: LayersModel): LayerGraph | null {
  const [input, ...furtherInputs] = model.inputs;
  const [output, ...furtherOutputs] = model.outputs;
  if (!input || !output || furtherInputs.length > 0 || furtherOutputs.length > 0) return null;
  const graph: LayerGraph = { calls: [], shapes: [], output: 0 };
  const known = new Map([[input.id, addValue(graph, input)]]);
  const value = visit(graph, output, known);
  const isStatic = graph.shapes.every((shape) => shape.every(Number.isInteger));
  if (value === null || !isStatic) return null;
  return { ...graph, output: value };
}

function addValue(graph: LayerGraph, { shape }: SymbolicTensor): number {
  return graph.shapes.push(shape.slice(1) as number[]) - 1;
}

/** Recurses as deep as the model: check-topology.ts limits the layers of a published one. */
function visit(
  graph: LayerGraph,
  tensor: SymbolicTensor,
  known: Map<number, number>,
): number | null {
  const found = known.get(tensor.id);
  if (found !== undefined) return found;
  const layer = tensor.sourceLayer;
  const node = layer.inboundNodes[tensor.nodeIndex];
  if (node?.outputTensors.length !== 1 || node.inputTensors.length === 0) return null;
  const inputs: number[] = [];
  for (const each of node.inputTensors) {
    const value = visit(graph, each, known);
    if (value === null) return null;
    inputs.push(value);
  }
  const value = 'layers' in layer ? inline(graph, layer, inputs) : call(graph, tensor, inputs);
  if (value !== null) known.set(tensor.id, value);
  return value;
}

function call(graph: LayerGraph, tensor: SymbolicTensor, inputs: number[]): number | null {
  const layer = tensor.sourceLayer;
  if (layer.getClassName() === 'Masking' || layer.getConfig().maskZero) return null;
  const output = addValue(graph, tensor);
  graph.calls.push({ layer, inputs, output });
  return output;
}

function inline(graph: LayerGraph, nested: Layer, inputs: number[]): number | null {
  const { inputs: own, outputs } = nested as unknown as LayersModel;
  const [output] = outputs;
  if (!output || outputs.length !== 1 || own.length !== inputs.length) return null;
  return visit(graph, output, new Map(own.map(({ id }, at) => [id, inputs[at] as number])));
}
