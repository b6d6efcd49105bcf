import type { Tensor } from '@tensorflow/tfjs-core';
import { activationOperations, isPixel } from './activations.ts';
import type { Layer, LayerCall, LayerGraph } from './layer-graph.ts';
import { type Operation, type Size, unclamped } from './operation.ts';
import { type Config, pointwise, type Translate, windowOf } from './translation.ts';

/** Returns the operations of a call, in which only the last has the call's output. An empty list: the output is the input. */
export function operationsOf(graph: LayerGraph, call: LayerCall): Operation[] {
  const { layer, inputs, output } = call;
  const shapes = [...inputs, output].map((value) => graph.shapes[value] as number[]);
  const areImages = shapes.every((shape) => shape.length === 1 || shape.length === 3);
  const config = layer.getConfig() as Config;
  const translate = areImages && translations[layer.getClassName()];
  const translated =
    translate &&
    config.dataFormat !== 'channelsFirst' &&
    translate({
      config,
      weights: layer.getWeights().map((weight) => weight.dataSync<'float32'>()),
      weightShapes: layer.getWeights().map(({ shape }) => shape),
      inputShape: shapes[0] as number[],
      inputShapes: shapes.slice(0, -1),
      outputShape: graph.shapes[output] as number[],
      inputs,
      output,
      addValue: (shape = graph.shapes[output] as number[]) => graph.shapes.push(shape) - 1,
    });
  if (translated && layer.getClassName() === 'Activation') return translated;
  if (translated) return withActivation(layer, config, translated, graph);
  return [stock(layer.getClassName(), inputs, output, (tensors) => applyLayer(layer, tensors))];
}

const applyLayer = (layer: Layer, tensors: Tensor[]) =>
  layer.apply(tensors.length === 1 ? (tensors[0] as Tensor) : tensors) as Tensor;

const stock = (
  name: string,
  inputs: number[],
  output: number,
  apply: (inputs: Tensor[]) => Tensor,
): Operation => ({ kind: 'stock', name, inputs, output, apply });

/** Adds the activation of a layer that has one, as an operation of its own. */
function withActivation(layer: Layer, config: Config, operations: Operation[], graph: LayerGraph) {
  const name = config.activation;
  const last = operations.at(-1);
  if (name === undefined || name === 'linear' || !last) return operations;
  const { output } = last;
  last.output = graph.shapes.push(graph.shapes[output] as number[]) - 1;
  const shape = graph.shapes[output] as number[];
  const found = activationOperations(String(name), last.output, output, shape, () => {
    return graph.shapes.push(shape) - 1;
  });
  if (found) return [...operations, ...found];
  const inputs = [last.output];
  const { activation } = layer as unknown as { activation: { apply(x: Tensor): Tensor } };
  const apply = ([x]: Tensor[]) => activation.apply(x as Tensor);
  return [...operations, stock(`${layer.getClassName()} with ${name}`, inputs, output, apply)];
}

const ones = (length: number) => new Float64Array(length).fill(1);

const convolution: Translate = (context) => {
  const { inputs, output, weights, outputShape, weightShapes } = context;
  const [filter, bias = new Float32Array(outputShape.at(-1) as number)] = weights;
  // Groups are not supported.
  if (!filter || weightShapes[0]?.[2] !== context.inputShape[2]) return null;
  const common = { filter, scale: ones(bias.length), bias, clamp: unclamped, pool: false };
  return [{ kind: 'convolution', inputs, output, ...windowOf(context), ...common }];
};

/** Numbers of a filter that is mostly zeros. A larger one is slower than the stock kernel. */
const maxSpread = 250_000;

/**
 * Returns the filter of a convolution that equals a depthwise one with several outputs per channel.
 *
 * @param filter [taps, channels, outputs / channels]
 * @returns [taps, channels, outputs], null if it would be too large
 */
function spreadFilter(filter: Float32Array, channels: number, outputs: number) {
  if (filter.length * channels > maxSpread) return null;
  const spread = new Float32Array(filter.length * channels);
  for (let at = 0; at < filter.length; at++) {
    const column = at % outputs;
    const row = Math.floor(at / outputs) * channels + Math.floor((column * channels) / outputs);
    spread[row * outputs + column] = filter[at] as number;
  }
  return spread;
}

const depthwise: Translate = (context) => {
  const { inputs, output, weights, outputShape, inputShape } = context;
  const [filter, bias = new Float32Array(outputShape.at(-1) as number)] = weights;
  if (!filter) return null;
  // TensorFlow.js ignores this layer's dilation.
  const config = { ...context.config, dilationRate: 1 };
  const rest = { scale: ones(bias.length), bias, clamp: unclamped };
  const common = { ...windowOf({ ...context, config }), ...rest };
  const channels = inputShape[2] as number;
  if (outputShape[2] !== channels) {
    const spread = spreadFilter(filter, channels, outputShape[2] as number);
    return (
      spread && [{ kind: 'convolution', inputs, output, ...common, filter: spread, pool: false }]
    );
  }
  return [{ kind: 'depthwise', inputs, output, ...common, filter }];
};

const separable: Translate = (context) => {
  const { inputs, output, weights, inputShape, outputShape, weightShapes } = context;
  const [filter, second, bias = new Float32Array(outputShape[2] as number)] = weights;
  const channels = inputShape[2] as number;
  if (!filter || !second || weightShapes[0]?.[3] !== 1) return null;
  const middle = context.addValue([...outputShape.slice(0, 2), channels]);
  return [
    {
      kind: 'depthwise',
      inputs,
      output: middle,
      ...windowOf(context),
      filter,
      scale: ones(channels),
      bias: new Float32Array(channels),
      clamp: unclamped,
    },
    {
      kind: 'convolution',
      inputs: [middle],
      output,
      ...pointwise,
      filter: second,
      scale: ones(bias.length),
      bias,
      pool: false,
      clamp: unclamped,
    },
  ];
};

const dense: Translate = ({ inputs, output, weights, outputShape }) => {
  const [filter, bias = new Float32Array(outputShape.at(-1) as number)] = weights;
  if (!filter) return null;
  const common = { filter, scale: ones(bias.length), bias, clamp: unclamped, pool: false };
  return [{ kind: 'convolution', inputs, output, ...pointwise, ...common }];
};

const normalization: Translate = ({ config, inputs, output, weights, inputShape }) => {
  if (config.axis !== -1 && config.axis !== inputShape.length) return null;
  const rest = [...weights];
  const channels = inputShape.at(-1) as number;
  const gamma = config.scale === false ? undefined : rest.shift();
  const beta = config.center === false ? undefined : rest.shift();
  const [mean, variance] = rest;
  if (!mean || !variance) return null;
  // Rounded only once, when they are packed.
  const scale = new Float64Array(channels);
  const shift = new Float64Array(channels);
  for (let i = 0; i < channels; i++) {
    const factor = (gamma?.[i] ?? 1) / Math.sqrt((variance[i] as number) + Number(config.epsilon));
    scale[i] = factor;
    shift[i] = (beta?.[i] ?? 0) - (mean[i] as number) * factor;
  }
  return [{ kind: 'scale', inputs, output, scale, shift }];
};

const pooling =
  (average: boolean): Translate =>
  (context) => {
    const { inputs, output } = context;
    return [{ kind: 'pool', inputs, output, ...windowOf(context), average }];
  };

const globalPooling =
  (average: boolean): Translate =>
  ({ inputs, output, inputShape }) => {
    const [height = 1, width = 1] = inputShape;
    return [{ kind: 'pool', inputs, output, ...pointwise, kernel: [height, width], average }];
  };

const reshape: Translate = ({ inputs, output }) => [{ kind: 'reshape', inputs, output }];
const nothing: Translate = () => [];

const activation: Translate = ({ config, inputs, output, outputShape, addValue }) =>
  config.activation === 'linear'
    ? []
    : activationOperations(
        String(config.activation),
        inputs[0] as number,
        output,
        outputShape,
        addValue,
      );

/** Of two images, if the second has as many pixels or one. */
const product: Translate = ({ inputs, output, inputShapes, outputShape }) => {
  const [first, second] = inputShapes;
  const isWhole = (shape?: number[]) => String(shape) === String(outputShape);
  const isFactor = (shape?: number[]) =>
    isWhole(shape) || (shape && isPixel(shape) && shape.at(-1) === outputShape.at(-1));
  if (inputs.length !== 2 || outputShape.length !== 3) return null;
  if (isWhole(first) && isFactor(second)) return [{ kind: 'multiply', inputs, output }];
  const swapped = [inputs[1], inputs[0]] as number[];
  return isWhole(second) && isFactor(first)
    ? [{ kind: 'multiply', inputs: swapped, output }]
    : null;
};

const concatenation: Translate = ({ config, inputs, output, outputShape }) =>
  [-1, outputShape.length].includes(Number(config.axis))
    ? [{ kind: 'concatenate', inputs, output }]
    : null;

/** The layers that the compiler knows. Every other one runs as it is. */
const translations: Record<string, Translate> = {
  Conv2D: convolution,
  DepthwiseConv2D: depthwise,
  SeparableConv2D: separable,
  Dense: dense,
  BatchNormalization: normalization,
  MaxPooling2D: pooling(false),
  AveragePooling2D: pooling(true),
  GlobalMaxPooling2D: globalPooling(false),
  GlobalAveragePooling2D: globalPooling(true),
  Flatten: reshape,
  Reshape: reshape,
  Add: ({ inputs, output, inputShape, outputShape }) =>
    inputs.length === 2 && String(inputShape) === String(outputShape)
      ? [{ kind: 'add', inputs, output, clamp: unclamped }]
      : null,
  Multiply: product,
  Concatenate: concatenation,
  ZeroPadding2D: ({ config, inputs, output }) => {
    const [[top], [left]] = config.padding as [Size, Size];
    return [{ kind: 'pad', inputs, output, before: [top, left] }];
  },
  Activation: activation,
  ReLU: ({ config, inputs, output }) => [
    {
      kind: 'clamp',
      inputs,
      output,
      clamp: { lowest: 0, highest: Number(config.maxValue ?? unclamped.highest) },
    },
  ],
  Softmax: ({ config, inputs, output, inputShape }) =>
    isPixel(inputShape) && [-1, inputShape.length].includes(Number(config.axis ?? -1))
      ? [{ kind: 'softmax', inputs, output }]
      : null,
  Dropout: nothing,
  SpatialDropout1D: nothing,
  GaussianNoise: nothing,
  GaussianDropout: nothing,
  AlphaDropout: nothing,
};
