import { layerShapes } from '../../shared/model/layer-shapes.ts';
import type { Activation, LayerSpec, ModelSpec } from '../../shared/model/model-spec.ts';
import { initializer, integer, integers, node, onnxModel, valueInfo } from './onnx-graph.ts';
import { toPytorch } from './pytorch.ts';
import type { LayerTensor, NamedTensor } from './tensor.ts';

/**
 * Writes a network as an ONNX model (operator set 17), from `images` [batch, channels, height, width] to `logits` [batch, labels].
 * Pixels are expected as PyTorch would get them: `(p / 255 - mean) / std`. Mean, std and labels are in the metadata.
 *
 * @param weights each layer's kernel and bias, in order
 * @param names of the layers with weights
 * @param metadata text by name, for people
 * @throws {RangeError} if the number of names is not that of the layers
 */
export function writeOnnx(
  weights: readonly LayerTensor[],
  spec: ModelSpec,
  names: readonly string[],
  metadata: Record<string, string> = {},
): Uint8Array {
  const { inputShape, layers, labels, preprocessing } = spec;
  const [height, width, channels] = inputShape;
  const tensors = toPytorch(weights, spec, names);
  const remaining = tensors.values();
  const nodes: Uint8Array[] = [];
  const usesClip = layers.some((layer) => 'activation' in layer && layer.activation === 'relu6');
  let current = 'images';
  const add = (
    operator: string,
    parameters: readonly string[] = [],
    attributes: readonly Uint8Array[] = [],
  ) => {
    const output = `${operator}_${nodes.length}`;
    nodes.push(node(operator, [current, ...parameters], output, attributes));
    current = output;
  };
  /** The names of the next layer's weight and bias. */
  const takeWeights = () =>
    [remaining.next(), remaining.next()].map(({ value }) => (value as NamedTensor).name);
  const activate = (activation: Activation) => {
    if (activation === 'relu') add('Relu');
    else if (activation === 'relu6') add('Clip', [zero.name, six.name]);
  };
  const shapes = layerShapes(spec);
  const outputs: string[] = [];
  for (const [index, layer] of layers.entries()) {
    const input = shapes[index - 1] ?? inputShape;
    if (layer.type === 'conv2d' || layer.type === 'depthwiseConv2d') {
      const { activation = 'relu' } = layer;
      const groups = layer.type === 'conv2d' ? 1 : (input.at(-1) as number);
      add('Conv', takeWeights(), [...geometry(layer, input), integer('group', groups)]);
      activate(activation);
    } else if (layer.type === 'add') {
      add('Add', [outputs[layer.from] as string]);
      activate(layer.activation ?? 'linear');
    } else if (layer.type === 'globalAveragePool') {
      add('GlobalAveragePool');
      add('Flatten');
    } else if (layer.type === 'maxPool2d') {
      const size = [layer.poolSize, layer.poolSize];
      add('MaxPool', [], [integers('kernel_shape', size), integers('strides', size)]);
    } else if (layer.type === 'flatten') {
      add('Flatten');
    } else if (layer.type === 'dense') {
      add('Gemm', takeWeights(), [integer('transB', 1)]);
      activate(layer.activation);
    }
    outputs.push(current);
  }
  nodes.push(node('Identity', [current], 'logits', []));
  const { mean, std } = preprocessing;
  return onnxModel({
    nodes,
    initializers: [...tensors, ...(usesClip ? [zero, six] : [])].map(initializer),
    input: valueInfo('images', ['batch', channels, height, width]),
    output: valueInfo('logits', ['batch', labels.length]),
    metadata: {
      ...metadata,
      mean: JSON.stringify(mean),
      std: JSON.stringify(std),
      labels: JSON.stringify(labels),
    },
  });
}

const zero: NamedTensor = { name: 'zero', shape: [], values: () => new Float32Array([0]) };
const six: NamedTensor = { name: 'six', shape: [], values: () => new Float32Array([6]) };

/** Strides, and padding as TensorFlow's `same`: with the odd pixel at the end. */
function geometry(
  { kernelSize, strides = 1 }: Extract<LayerSpec, { kernelSize: number }>,
  [height = 1, width = 1]: readonly number[],
): Uint8Array[] {
  const padding = [height, width].map((size) =>
    Math.max(0, (Math.ceil(size / strides) - 1) * strides + kernelSize - size),
  );
  const begin = padding.map((total) => Math.floor(total / 2));
  const end = padding.map((total) => Math.ceil(total / 2));
  return [integers('pads', [...begin, ...end]), integers('strides', [strides, strides])];
}
