import * as tfl from '@tensorflow/tfjs-layers';
import type { LayerSpec, ModelSpec } from './model-spec.ts';

/**
 * Builds the layers model of a spec, with new weights.
 *
 * Weights and biases are uniform in ±1/√fanIn, as in PyTorch's `nn.Conv2d` and `nn.Linear` (`reset_parameters` in
 * torch/nn/modules/linear.py and conv.py), to reproduce the tutorial's accuracy per epoch.
 *
 * @param seed any integer; the same seed gives the same weights on every backend
 * @returns a model from [batch, ...spec.inputShape] to logits [batch, spec.labels.length]
 */
export function buildModel(spec: ModelSpec, seed: number): tfl.Sequential {
  const model = tfl.sequential({ name: spec.name });
  let shape: number[] = [...spec.inputShape];
  for (const [index, layer] of spec.layers.entries()) {
    const start = index === 0 ? { inputShape: spec.inputShape } : {};
    model.add(buildLayer(layer, index, fanIn(layer, shape), seed, start));
    shape = (model.outputShape as (number | null)[]).slice(1) as number[];
  }
  return model;
}

function fanIn(layer: LayerSpec, shape: number[]): number {
  const channels = shape.at(-1) ?? 1;
  return layer.type === 'conv2d' ? layer.kernelSize ** 2 * channels : channels;
}

function buildLayer(
  layer: LayerSpec,
  index: number,
  inputs: number,
  seed: number,
  start: { inputShape?: number[] },
) {
  const name = `${layer.type}_${index}`;
  switch (layer.type) {
    case 'conv2d':
      return tfl.layers.conv2d({
        ...start,
        name,
        filters: layer.filters,
        kernelSize: layer.kernelSize,
        padding: 'same',
        activation: 'relu',
        ...initializers(inputs, seed, index),
      });
    case 'maxPool2d':
      return tfl.layers.maxPooling2d({ ...start, name, poolSize: layer.poolSize });
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
