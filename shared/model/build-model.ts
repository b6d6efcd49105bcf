import * as tfl from '@tensorflow/tfjs-layers';
import { layerShapes } from './layer-shapes.ts';
import type { LayerSpec } from './model-spec.ts';
import type { FoldedSpec } from './training-spec.ts';

/**
 * Builds the layers model of a spec, with new weights: a functional one if layers are added, else a sequential one.
 *
 * Weights and biases are uniform in ±1/√fanIn, as in PyTorch's `nn.Conv2d` and `nn.Linear` (`reset_parameters` in
 * torch/nn/modules/linear.py and conv.py), to reproduce the tutorial's accuracy per epoch.
 *
 * @param seed any integer; the same seed gives the same weights on every backend
 * @returns a model from [batch, ...spec.inputShape] to logits [batch, spec.labels.length]
 * @throws {RangeError} if a layer doesn't fit what it reads
 */
export function buildModel(spec: FoldedSpec, seed: number): tfl.LayersModel {
  const shapes = layerShapes(spec);
  const inputOf = (index: number) => shapes[index - 1] ?? spec.inputShape;
  const build = (index: number, start: { inputShape?: number[] } = {}) => {
    const layer = spec.layers[index] as LayerSpec;
    return buildLayer(layer, index, fanIn(layer, inputOf(index)), seed, start);
  };
  if (spec.layers.some(({ type }) => type === 'add')) return buildGraph(spec, build);
  const model = tfl.sequential({ name: spec.name });
  for (const index of spec.layers.keys()) {
    model.add(build(index, index === 0 ? { inputShape: spec.inputShape } : {}));
  }
  return model;
}

function buildGraph(
  { name, inputShape, layers }: FoldedSpec,
  build: (index: number) => tfl.layers.Layer,
): tfl.LayersModel {
  const input = tfl.input({ shape: inputShape, name: 'input' });
  const outputs: tfl.SymbolicTensor[] = [];
  for (const [index, layer] of layers.entries()) {
    const before = outputs[index - 1] ?? input;
    let output = build(index).apply(
      layer.type === 'add' ? [before, outputs[layer.from] as tfl.SymbolicTensor] : before,
    ) as tfl.SymbolicTensor;
    if (layer.type === 'add' && layer.activation && layer.activation !== 'linear') {
      const { activation } = layer;
      const activate = tfl.layers.activation({ activation, name: `${activation}_${index}` });
      output = activate.apply(output) as tfl.SymbolicTensor;
    }
    outputs.push(output);
  }
  return tfl.model({ name, inputs: input, outputs: outputs.at(-1) as tfl.SymbolicTensor });
}

function fanIn(layer: LayerSpec, shape: readonly number[]): number {
  const channels = shape.at(-1) ?? 1;
  if (layer.type === 'depthwiseConv2d') return layer.kernelSize ** 2;
  return layer.type === 'conv2d' ? layer.kernelSize ** 2 * channels : channels;
}

function buildLayer(
  layer: LayerSpec,
  index: number,
  inputs: number,
  seed: number,
  start: { inputShape?: number[] },
): tfl.layers.Layer {
  const name = `${layer.type}_${index}`;
  switch (layer.type) {
    case 'conv2d':
      return tfl.layers.conv2d({
        ...start,
        name,
        filters: layer.filters,
        ...convolution(layer),
        ...initializers(inputs, seed, index),
      });
    case 'depthwiseConv2d': {
      const { kernelInitializer, biasInitializer } = initializers(inputs, seed, index);
      return tfl.layers.depthwiseConv2d({
        ...start,
        name,
        ...convolution(layer),
        depthwiseInitializer: kernelInitializer,
        biasInitializer,
      });
    }
    case 'add':
      return tfl.layers.add({ ...start, name });
    case 'maxPool2d':
      return tfl.layers.maxPooling2d({ ...start, name, poolSize: layer.poolSize });
    case 'globalAveragePool':
      return tfl.layers.globalAveragePooling2d({ ...start, name });
    case 'flatten':
      return tfl.layers.flatten({ ...start, name });
    case 'dense':
      return tfl.layers.dense({
        ...start,
        name,
        units: layer.units,
        activation: layer.activation,
        ...initializers(inputs, seed, index),
      });
    case 'dropout':
      return tfl.layers.dropout({ ...start, name, rate: layer.rate });
  }
}

function convolution({
  kernelSize,
  strides,
  activation = 'relu',
}: Extract<LayerSpec, { type: 'conv2d' | 'depthwiseConv2d' }>) {
  return {
    kernelSize,
    ...(strides !== undefined && { strides }),
    padding: 'same' as const,
    activation,
  };
}

function initializers(inputs: number, seed: number, index: number) {
  const bound = 1 / Math.sqrt(inputs);
  const uniform = (offset: number) =>
    tfl.initializers.randomUniform({
      minval: -bound,
      maxval: bound,
      seed: seed * 1000 + index * 2 + offset,
    });
  return { kernelInitializer: uniform(0), biasInitializer: uniform(1) };
}
