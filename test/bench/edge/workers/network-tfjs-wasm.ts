/** Stock TensorFlow.js on its wasm backend, with SIMD: the folded network on its fused kernels, which is how it is fastest. */
import {
  add,
  avgPool,
  type fused,
  fused as fusedOperations,
  maxPool,
  minimum,
  type Rank,
  relu,
  reshape,
  softmax,
  type Tensor,
  type Tensor4D,
  tensor,
  tidy,
} from '@tensorflow/tfjs-core';
import type { FoldedNode } from '../networks/folded-network.ts';
import { networkWorker } from './network-worker.ts';
import { openWasmBackend } from './wasm-backend.ts';

export default networkWorker(async ({ network, weights }) => {
  await openWasmBackend();
  const steps = network.nodes.map((node) => ({ node, compute: prepare(node, weights) }));
  const { inputShape, output } = network;
  return (input, count) =>
    tidy(() => {
      const values = new Map<number, Tensor>([[0, tensor(input, [count, ...inputShape])]]);
      for (const { node, compute } of steps) {
        values.set(node.output, compute(node.inputs.map((value) => values.get(value) as Tensor)));
      }
      return (values.get(output) as Tensor).dataSync<'float32'>();
    });
});

type Compute = (inputs: Tensor[]) => Tensor;

function prepare(node: FoldedNode, weights: Float32Array): Compute {
  switch (node.kind) {
    case 'convolution':
    case 'depthwise':
      return convolution(node, weights);
    case 'pool':
      return ([x]) => {
        const pool = node.average ? avgPool : maxPool;
        const [kernel, stride] = [node.kernel, node.stride] as [[number, number], [number, number]];
        return pool(x as Tensor4D, kernel, stride, 'valid');
      };
    case 'add':
      return ([x, y]) => clamp(y ? add(x as Tensor, y) : (x as Tensor), node);
    case 'softmax':
      return ([x]) => softmax(x as Tensor);
    default:
      return ([x]) => reshape(x as Tensor, [(x as Tensor).shape[0] ?? 1, ...node.shape]);
  }
}

function convolution(
  node: Extract<FoldedNode, { filterAt: number }>,
  weights: Float32Array,
): Compute {
  const [height = 1, width = 1] = node.kernel;
  const isDepthwise = node.kind === 'depthwise';
  const [inputs, outputs] = isDepthwise
    ? [node.outChannels, 1]
    : [node.inChannels, node.outChannels];
  const length = height * width * inputs * outputs;
  const at = node.filterAt;
  const filter = tensor(weights.slice(at, at + length), [height, width, inputs, outputs]);
  const bias = tensor(weights.slice(at + length, at + length + node.outChannels), [
    node.outChannels,
  ]);
  const [top = 0, bottom = 0, left = 0, right = 0] = node.pads;
  const isFused = node.inputs.length === 1 && node.relu;
  const activation = (node.highest === null ? 'relu' : 'relu6') as fused.Activation;
  const fusedOperation = isDepthwise ? fusedOperations.depthwiseConv2d : fusedOperations.conv2d;
  return ([x, addend]) => {
    const image = x as Tensor;
    // A vector is an image of one pixel.
    const shape = [image.shape[0] ?? 1, 1, 1, node.inChannels] as [number, number, number, number];
    const convolved = fusedOperation({
      x: image.rank === 2 ? reshape<Rank.R4>(image, shape) : (image as Tensor4D),
      filter: filter as Tensor4D,
      strides: node.stride as [number, number],
      // It also takes explicit padding, which its type does not say.
      pad: [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ] as unknown as number,
      bias,
      ...(isFused ? { activation } : {}),
    });
    const result = addend ? add(convolved, addend) : convolved;
    return isFused ? result : clamp(result, node);
  };
}

function clamp(x: Tensor, { relu: isClamped, highest }: { relu: boolean; highest: number | null }) {
  if (!isClamped) return x;
  return highest === null ? relu(x) : minimum(relu(x), highest);
}
