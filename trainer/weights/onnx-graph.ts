import { type ProtobufField, protobufMessage } from './protobuf.ts';
import type { NamedTensor } from './tensor.ts';

/** A network's operations, the values of its weights, and the shapes of its input and output. */
export interface OnnxGraph {
  nodes: Uint8Array[];
  initializers: Uint8Array[];
  input: Uint8Array;
  output: Uint8Array;
  metadata: Record<string, string>;
}

/** Encodes a model. The numbers of the fields are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
export function onnxModel({ nodes, initializers, input, output, metadata }: OnnxGraph): Uint8Array {
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

export const node = (
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

export const integer = (name: string, value: number) =>
  protobufMessage([
    [1, name],
    [3, value],
    [20, attributeType.integer],
  ]);

export const integers = (name: string, values: readonly number[]) =>
  protobufMessage([
    [1, name],
    [8, values],
    [20, attributeType.integers],
  ]);

export function initializer({ name, shape, values }: NamedTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = values();
  return protobufMessage([
    [1, shape],
    [2, float],
    [8, name],
    [9, new Uint8Array(buffer, byteOffset, byteLength)],
  ]);
}

export function valueInfo(name: string, shape: readonly (number | string)[]): Uint8Array {
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
