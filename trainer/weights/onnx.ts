import type { ModelSpec } from '../../shared/model/model-spec.ts';
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
  for (const layer of layers) {
    if (layer.type === 'conv2d') {
      // As TensorFlow pads: the same size, with the odd pixel at the end.
      const begin = Math.floor((layer.kernelSize - 1) / 2);
      const end = layer.kernelSize - 1 - begin;
      add('Conv', takeWeights(), [integers('pads', [begin, begin, end, end])]);
      add('Relu');
    } else if (layer.type === 'maxPool2d') {
      const size = [layer.poolSize, layer.poolSize];
      add('MaxPool', [], [integers('kernel_shape', size), integers('strides', size)]);
    } else if (layer.type === 'flatten') {
      add('Flatten');
    } else if (layer.type === 'dense') {
      add('Gemm', takeWeights(), [integer('transB', 1)]);
      if (layer.activation === 'relu') add('Relu');
    }
  }
  nodes.push(node('Identity', [current], 'logits', []));
  const { mean, std } = preprocessing;
  return onnxModel({
    nodes,
    initializers: tensors.map(initializer),
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
