import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import {
  add,
  backend,
  customGrad,
  engine,
  exp,
  type GradSaveFunc,
  getBackend,
  logSoftmax,
  maxPool,
  mul,
  neg,
  oneHot,
  reshape,
  type Scalar,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core';
import seedrandom from 'seedrandom';
import type { LayerSpec, ModelSpec } from '../../shared/model/model-spec.ts';
import { convolveAndPool, poolsInOnePass } from '../backend/fused-operations.ts';

/**
 * Computes a network's logits as training needs them: the layers model of shared/model/build-model.ts, with bias and ReLU
 * fused into the convolution or product before them, and dropout masks drawn with a seed.
 *
 * @param weights kernel and bias of each layer that has them, in order
 * @param images [batch, ...spec.inputShape]
 * @param dropoutSeed null for no dropout, as in an evaluation
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
 * Returns the factors of dropout: 0 with probability `rate`, else 1 / (1 - rate). The seed determines them. TensorFlow.js's
 * own dropout needs five kernels and takes several times as long.
 */
function dropoutMask(length: number, rate: number, seed: string): Float32Array {
  const random = seedrandom.alea(seed);
  const kept = 1 / (1 - rate);
  const mask = new Float32Array(length);
  for (let i = 0; i < length; i++) mask[i] = random() < rate ? 0 : kept;
  return mask;
}

/**
 * Returns the cross-entropy of softmax(logits) and integer labels, summed over the rows and divided by `count`. The losses
 * and gradients of several workers then add up to the mean over the batch.
 *
 * @param logits [rows, labels]
 * @param labels int32 [rows]
 * @param count images in the whole batch
 * @param smoothing share of each target that is spread over all labels, as `label_smoothing` in PyTorch
 * @param weights [rows, 1], the weight of each row in the sum (default: 1), as `class_weight` in Keras
 */
export function crossEntropy(
  logits: Tensor2D,
  labels: Tensor1D,
  count: number,
  smoothing = 0,
  weights: Tensor2D | null = null,
): Scalar {
  const classes = logits.shape[1];
  const chosen = oneHot(labels, classes);
  const smooth = smoothing === 0 ? chosen : add(mul(chosen, 1 - smoothing), smoothing / classes);
  const targets = weights ? mul(smooth, weights) : smooth;
  const loss = customGrad((x, save) => {
    const logProbabilities = logSoftmax(x as Tensor2D);
    (save as GradSaveFunc)([logProbabilities, targets, ...(weights ? [weights] : [])]);
    return {
      value: mul(neg(sum(mul(targets, logProbabilities))), 1 / count),
      // d/dx = (softmax(x) - target) / count, both times the weight
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedLogProbabilities, savedTargets, savedWeights] = saved as [
          Tensor,
          Tensor,
          Tensor?,
        ];
        const softmax = exp(savedLogProbabilities);
        const weighted = savedWeights ? mul(softmax, savedWeights) : softmax;
        return mul(mul(sub(weighted, savedTargets), 1 / count), dy);
      },
    };
  });
  return loss(logits) as Scalar;
}

/** Copies tensors, one after the other, into a flat vector. */
export function flattenTensors(tensors: readonly Tensor[], flat: Float32Array): void {
  let offset = 0;
  for (const tensor of tensors) {
    flat.set(heapView(tensor) ?? tensor.dataSync<'float32'>(), offset);
    offset += tensor.size;
  }
}

/** Copies a flat vector into variables, one after the other. */
export function assignFlat(flat: Float32Array, variables: readonly Variable[]): void {
  let offset = 0;
  for (const variable of variables) {
    const values = flat.subarray(offset, offset + variable.size);
    const view = heapView(variable);
    if (view) view.set(values);
    else tidy(() => variable.assign(tensor(values, variable.shape)));
    offset += variable.size;
  }
}

/** Returns a float32 tensor's own memory on the wasm backend, which saves a copy; null on other backends. */
function heapView(tensor: Tensor): Float32Array | null {
  if (getBackend() !== 'wasm') return null;
  return (backend() as BackendWasm).typedArrayFromHeap(tensor) as Float32Array;
}
