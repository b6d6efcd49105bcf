import {
  engine,
  maxPool,
  mul,
  reshape,
  type Tensor,
  type Tensor2D,
  tensor,
} from '@tensorflow/tfjs-core';
import seedrandom from 'seedrandom';
import type { LayerSpec, ModelSpec } from '../../shared/model/model-spec.ts';
import { convolveAndPool, poolsInOnePass } from '../backend/fused-operations.ts';

/**
 * The network as training runs it: the same sums as the layers model of shared/build-model.ts, with bias
 * and ReLU fused into the convolution or product before them and a dropout mask that a seed determines.
 *
 * @param weights kernel and bias of each layer that has them, in order, as `model.trainableWeights`
 * @param images [batch, ...spec.inputShape]
 * @param dropoutSeed null: no dropout, as for evaluation
 * @returns logits [batch, labels]
 */
export function forward(
  spec: ModelSpec,
  weights: readonly Tensor[],
  images: Tensor,
  dropoutSeed: string | null,
): Tensor2D {
  let next = 0;
  const takeWeights = () => {
    next += 2;
    return weights.slice(next - 2, next) as [Tensor, Tensor];
  };
  let activation = images;
  for (const [index, layer] of spec.layers.entries()) {
    const before = spec.layers[index - 1];
    if (before && poolsInOnePass(before, layer)) continue;
    const after = spec.layers[index + 1];
    if (after && poolsInOnePass(layer, after)) {
      activation = convolveAndPool(activation, ...takeWeights(), index > 0);
      continue;
    }
    activation = applyLayer(
      layer,
      activation,
      takeWeights,
      dropoutSeed && `${dropoutSeed}/${index}`,
    );
  }
  return activation as Tensor2D;
}

function applyLayer(
  layer: LayerSpec,
  x: Tensor,
  takeWeights: () => [Tensor, Tensor],
  dropoutSeed: string | null,
): Tensor {
  switch (layer.type) {
    case 'conv2d': {
      const [filter, bias] = takeWeights();
      return engine().runKernel(
        'FusedConv2D',
        { x, filter, bias },
        {
          strides: [1, 1],
          pad: 'same',
          dataFormat: 'NHWC',
          dilations: [1, 1],
          dimRoundingMode: undefined as unknown as string,
          activation: 'relu',
        },
      ) as Tensor;
    }
    case 'maxPool2d':
      return maxPool(x as Parameters<typeof maxPool>[0], layer.poolSize, layer.poolSize, 'valid');
    case 'flatten':
      return reshape(x, [x.shape[0] ?? 0, -1]);
    case 'dense': {
      const [kernel, bias] = takeWeights();
      const [batch, inputs] = x.shape as [number, number];
      const product = engine().runKernel(
        '_FusedMatMul',
        { a: reshape(x, [1, batch, inputs]), b: reshape(kernel, [1, inputs, layer.units]), bias },
        { transposeA: false, transposeB: false, activation: layer.activation },
      ) as Tensor;
      return reshape(product, [batch, layer.units]);
    }
    case 'dropout':
      if (dropoutSeed === null) return x;
      return mul(x, tensor(dropoutMask(x.size, layer.rate, dropoutSeed), x.shape));
  }
}

/**
 * What dropout multiplies activations with: 0 with probability `rate`, else 1 / (1 - rate), drawn from the seed alone.
 * TensorFlow.js's own takes five kernels and several times as long for it.
 */
export function dropoutMask(length: number, rate: number, seed: string): Float32Array {
  const random = seedrandom.alea(seed);
  const kept = 1 / (1 - rate);
  const mask = new Float32Array(length);
  for (let i = 0; i < length; i++) mask[i] = random() < rate ? 0 : kept;
  return mask;
}
