import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { type ProtobufField, protobufMessage } from './protobuf.ts';
import { toPytorch } from './pytorch.ts';
import type { LayerTensor, NamedTensor } from './tensor.ts';

/**
 * Writes a network as an ONNX model (operator set 17), from `images` [batch, channels, height, width] to `logits` [batch, labels].
 * Pixels are expected as PyTorch would get them: `(p / 255 - mean) / std`. Mean, std and labels are in the metadata. The numbers of
 * the fields are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
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
  return model({
    nodes,
    initializers: tensors.map(initializer),
    input: valueInfo('images', ['batch', channels, height, width]),
    output: valueInfo('logits', ['batch', labels.length]),
    metadata: {
      ...metadata,
      mean: String(mean),
      std: String(std),
      labels: JSON.stringify(labels),
    },
  });
}

interface Graph {
  nodes: Uint8Array[];
  initializers: Uint8Array[];
  input: Uint8Array;
  output: Uint8Array;
  metadata: Record<string, string>;
}

function model({ nodes, initializers, input, output, metadata }: Graph): Uint8Array {
  const graph = protobufMessage([
    [1, nodes],
    [2, 'catwalk'],
    [5, initializers],
    [11, input],
    [12, output],
  ]);
  const properties = Object.entries(metadata).map(([key, value]) =>
    protobufMessage([
      [1, key],
      [2, value],
    ]),
  );
  return protobufMessage([
    [1, 8], // ir_version
    [2, 'catwalk'],
    [7, graph],
    [8, protobufMessage([[2, 17]])], // The operator set.
    [14, properties],
  ]);
}

/** onnx.proto's TensorProto.DataType.FLOAT */
const float = 1;
/** onnx.proto's AttributeProto.AttributeType */
const attributeType = { integer: 2, integers: 7 };

const node = (
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly Uint8Array[],
) =>
  protobufMessage([
    ...inputs.map((input): ProtobufField => [1, input]),
    [2, output],
    [4, operator],
    [5, attributes],
  ]);

const integer = (name: string, value: number) =>
  protobufMessage([
    [1, name],
    [3, value],
    [20, attributeType.integer],
  ]);

const integers = (name: string, values: readonly number[]) =>
  protobufMessage([
    [1, name],
    [8, values],
    [20, attributeType.integers],
  ]);

function initializer({ name, shape, values }: NamedTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = values();
  return protobufMessage([
    [1, shape],
    [2, float],
    [8, name],
    [9, new Uint8Array(buffer, byteOffset, byteLength)],
  ]);
}

function valueInfo(name: string, shape: readonly (number | string)[]): Uint8Array {
  const dimensions = shape.map((size) =>
    protobufMessage([typeof size === 'number' ? [1, size] : [2, size]]),
  );
  const tensorType = protobufMessage([
    [1, float],
    [2, protobufMessage([[1, dimensions]])],
  ]);
  return protobufMessage([
    [1, name],
    [2, protobufMessage([[1, tensorType]])],
  ]);
}
