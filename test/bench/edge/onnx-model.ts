import type { ChannelsFirstLayer } from './channels-first.ts';
import { type ProtobufField, protobufMessage } from './protobuf.ts';

/**
 * Writes the network as an ONNX model, from `images` [batch, 1, 28, 28] to `logits` [batch, 10]. The numbers of the
 * fields are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 *
 * @param inputShape channels, height and width
 */
export function onnxModel(
  layers: readonly ChannelsFirstLayer[],
  inputShape: readonly [number, number, number],
  labels: number,
): Uint8Array {
  const nodes: Uint8Array[] = [];
  const initializers: Uint8Array[] = [];
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
  const addWeights = ({ shape, weight, bias }: Weighted) => {
    const names = [`weight_${nodes.length}`, `bias_${nodes.length}`] as const;
    initializers.push(tensor(names[0], shape, weight), tensor(names[1], [bias.length], bias));
    return names;
  };

  for (const layer of layers) {
    switch (layer.type) {
      case 'conv2d': {
        const padding = (layer.kernelSize - 1) / 2;
        add('Conv', addWeights(layer), [integers('pads', [padding, padding, padding, padding])]);
        add('Relu');
        break;
      }
      case 'maxPool2d': {
        const { poolSize } = layer;
        const size = [poolSize, poolSize];
        add('MaxPool', [], [integers('kernel_shape', size), integers('strides', size)]);
        break;
      }
      case 'flatten':
        add('Flatten');
        break;
      case 'dense':
        add('Gemm', addWeights(layer), [integer('transB', 1)]);
        if (layer.relu) add('Relu');
        break;
    }
  }
  nodes.push(node('Identity', [current], 'logits', []));

  const graph = protobufMessage([
    [1, nodes],
    [2, 'catwalk'],
    [5, initializers],
    [11, valueInfo('images', ['batch', ...inputShape])],
    [12, valueInfo('logits', ['batch', labels])],
  ]);
  const operatorSet = protobufMessage([[2, 17]]);
  return protobufMessage([
    [1, 8], // ir_version
    [7, graph],
    [8, operatorSet],
  ]);
}

type Weighted = Extract<ChannelsFirstLayer, { weight: Float32Array }>;

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

const tensor = (
  name: string,
  shape: readonly number[],
  { buffer, byteOffset, byteLength }: Float32Array,
) =>
  protobufMessage([
    [1, shape],
    [2, float],
    [8, name],
    [9, new Uint8Array(buffer, byteOffset, byteLength)],
  ]);

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
