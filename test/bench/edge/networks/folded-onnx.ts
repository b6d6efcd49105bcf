import {
  initializer,
  integer,
  integers,
  node,
  onnxModel,
  valueInfo,
} from '../../../../trainer/weights/onnx-graph.ts';
import type { NamedTensor } from '../../../../trainer/weights/tensor.ts';
import type { FoldedNetwork, FoldedNode } from './folded-network.ts';

/**
 * Writes a folded network as an ONNX model, from `images` [batch, channels, height, width] to `logits`. All values are images, also
 * vectors, which have one pixel: so nothing has to be reshaped.
 */
export function foldedOnnx(network: FoldedNetwork, weights: Float32Array): Uint8Array {
  const nodes: Uint8Array[] = [];
  const tensors: NamedTensor[] = [];
  const nameOf = (value: number) => (value === 0 ? 'images' : `value_${value}`);
  const add = (
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: readonly Uint8Array[] = [],
  ) => void nodes.push(node(operator, inputs, output, attributes));
  const tensor = (name: string, shape: number[], values: Float32Array) => {
    tensors.push({ name, shape, values: () => values });
    return name;
  };
  const clamp = (from: string, to: string, relu: boolean, highest: number | null) => {
    if (!relu) add('Identity', [from], to);
    else if (highest === null) add('Relu', [from], to);
    else {
      const scalar = (name: string, value: number) =>
        tensor(`${to}_${name}`, [], Float32Array.of(value));
      add('Clip', [from, scalar('lowest', 0), scalar('highest', highest)], to);
    }
  };
  for (const each of network.nodes) {
    const [input = '', addend] = each.inputs.map(nameOf);
    const out = nameOf(each.output);
    switch (each.kind) {
      case 'convolution':
      case 'depthwise': {
        const filter = channelsFirst(each, weights);
        const parameters = [
          tensor(`${out}_weight`, filter.shape, filter.values),
          tensor(`${out}_bias`, [each.outChannels], filter.bias),
        ];
        const group = each.kind === 'depthwise' ? each.outChannels : 1;
        const attributes = [...windowAttributes(each), integer('group', group)];
        const convolved = `${out}_products`;
        add('Conv', [input, ...parameters], convolved, attributes);
        const sum = addend === undefined ? convolved : `${out}_sum`;
        if (addend !== undefined) add('Add', [convolved, addend], sum);
        clamp(sum, out, each.relu, each.highest);
        break;
      }
      case 'pool':
        add(each.average ? 'AveragePool' : 'MaxPool', [input], out, windowAttributes(each));
        break;
      case 'add': {
        const sum = addend === undefined ? input : `${out}_sum`;
        if (addend !== undefined) add('Add', [input, addend], sum);
        clamp(sum, out, each.relu, each.highest);
        break;
      }
      case 'softmax':
        add('Softmax', [input], out, [integer('axis', 1)]);
        break;
      default:
        add('Identity', [input], out);
    }
  }
  add('Flatten', [nameOf(network.output)], 'logits');
  const [height = 1, width = 1, channels = 1] = network.inputShape;
  return onnxModel({
    nodes,
    initializers: tensors.map(initializer),
    input: valueInfo('images', ['batch', channels, height, width]),
    output: valueInfo('logits', ['batch', network.outputs]),
    metadata: {},
  });
}

function windowAttributes({ kernel, stride, pads }: Extract<FoldedNode, { pads: number[] }>) {
  const [top = 0, bottom = 0, left = 0, right = 0] = pads;
  return [
    integers('kernel_shape', kernel),
    integers('strides', stride),
    integers('pads', [top, left, bottom, right]),
  ];
}

/** [outChannels, inChannels, height, width], or [channels, 1, height, width] of a depthwise convolution. */
function channelsFirst(
  each: Extract<FoldedNode, { filterAt: number }>,
  weights: Float32Array,
): { shape: number[]; values: Float32Array; bias: Float32Array } {
  const [height = 1, width = 1] = each.kernel;
  const inputs = each.kind === 'depthwise' ? 1 : each.inChannels;
  const outputs = each.outChannels;
  const taps = height * width;
  const values = new Float32Array(taps * inputs * outputs);
  for (let tap = 0; tap < taps; tap++) {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        const from = each.filterAt + (tap * inputs + input) * outputs + output;
        values[(output * inputs + input) * taps + tap] = weights[from] as number;
      }
    }
  }
  const biasAt = each.filterAt + values.length;
  const bias = weights.slice(biasAt, biasAt + outputs);
  return { shape: [outputs, inputs, height, width], values, bias };
}
