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
  mean,
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
import type { TrainingLayer, TrainingSpec } from '../../shared/model/training-spec.ts';
import { normalizeBatch } from '../backend/batch-normalization.ts';
import { activate, convolveAndPool, poolsInOnePass } from '../backend/fused-operations.ts';

/** Receives the mean and the variance of each channel that a batch normalization saw, and the number of its values. */
export type RecordStatistics = (
  layer: number,
  mean: Tensor,
  variance: Tensor,
  count: number,
) => void;

/**
 * Computes a network's logits as training needs them: the layers model of shared/model/build-model.ts, with bias and
 * activation fused into the convolution or product before them, dropout masks drawn with a seed, and batch normalization by
 * the statistics of these images.
 *
 * @param weights the tensors of `parametersOf(spec)`
 * @param images [batch, ...spec.inputShape]
 * @param dropoutSeed null for no dropout, as in an evaluation
 * @returns logits [batch, labels]
 */
export function forward(
  spec: TrainingSpec,
  weights: readonly Tensor[],
  images: Tensor,
  dropoutSeed: string | null,
  recordStatistics: RecordStatistics = () => {},
): Tensor2D {
  let next = 0;
  const takeWeights = (count: number) => {
    next += count;
    return weights.slice(next - count, next);
  };
  const { layers } = spec;
  const isAdded = (index: number) =>
    layers.some((layer) => layer.type === 'add' && layer.from === index);
  const outputs: Tensor[] = [];
  let x = images;
  for (const [index, layer] of layers.entries()) {
    const before = layers[index - 1];
    const after = layers[index + 1];
    const pools = (one: TrainingLayer | undefined, two: TrainingLayer | undefined, at: number) =>
      one && two && poolsInOnePass(one, two) && !isAdded(at);
    if (pools(layer, after, index)) {
      const [filter, bias] = takeWeights(2) as [Tensor, Tensor];
      x = convolveAndPool(x, filter, bias, index > 0);
    } else if (layer.type === 'add') {
      x = activate(add(x, outputs[layer.from] as Tensor), layer.activation ?? 'linear');
    } else if (layer.type === 'batchNorm') {
      const [gamma, beta] = takeWeights(4) as [Tensor, Tensor];
      const count = x.size / gamma.size;
      const record = (mean: Tensor, variance: Tensor) =>
        recordStatistics(index, mean, variance, count);
      x = normalizeBatch(x, gamma, beta, layer.activation ?? 'relu', record);
    } else if (!pools(before, layer, index - 1)) {
      const isNormalized = after?.type === 'batchNorm';
      const seed = dropoutSeed && `${dropoutSeed}/${index}`;
      x = applyLayer(layer, x, () => takeWeights(isNormalized ? 1 : 2), seed);
    }
    outputs.push(x);
  }
  return x as Tensor2D;
}

function applyLayer(
  layer: Exclude<TrainingLayer, { type: 'add' | 'batchNorm' }>,
  x: Tensor,
  takeWeights: () => Tensor[],
  dropoutSeed: string | null,
): Tensor {
  switch (layer.type) {
    case 'conv2d':
    case 'depthwiseConv2d': {
      const { strides = 1, activation = 'relu' } = layer;
      const [filter, bias] = takeWeights() as [Tensor, Tensor?];
      return engine().runKernel(
        layer.type === 'conv2d' ? 'FusedConv2D' : 'FusedDepthwiseConv2D',
        bias ? { x, filter, bias } : { x, filter },
        {
          strides: [strides, strides],
          pad: 'same',
          dataFormat: 'NHWC',
          dilations: [1, 1],
          dimRoundingMode: undefined as unknown as string,
          activation,
        },
      ) as Tensor;
    }
    case 'maxPool2d':
      return maxPool(x as Parameters<typeof maxPool>[0], layer.poolSize, layer.poolSize, 'valid');
    case 'globalAveragePool':
      return mean(x, [1, 2]);
    case 'flatten':
      return reshape(x, [x.shape[0] ?? 0, -1]);
    case 'dense': {
      const [kernel, bias] = takeWeights() as [Tensor, Tensor];
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
    flat.set(valuesOf(tensor), offset);
    offset += tensor.size;
  }
}

/** Returns a float32 tensor's values, valid until the next operation. */
export const valuesOf = (tensor: Tensor): Float32Array =>
  heapView(tensor) ?? tensor.dataSync<'float32'>();

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
