/**
 * Distillation: a network learns the answers of trained ones, not only the labels (Hinton, Vinyals & Dean 2015, "Distilling the Knowledge
 * in a Neural Network", arXiv:1503.02531).
 */
import {
  add,
  customGrad,
  exp,
  type GradSaveFunc,
  logSoftmax,
  mul,
  type Scalar,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
} from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { LayerTensor } from '../weights/tensor.ts';
import { forward } from './forward.ts';

/** A trained network with the labels, the input and the scale of pixels of the one that learns from it. */
export interface Teacher {
  spec: ModelSpec;
  weights: readonly LayerTensor[];
}

export interface Distillation {
  /** At least one. */
  teachers: readonly Teacher[];
  /** Divides the logits of both before softmax: the higher, the more the unlikely labels count. */
  temperature: number;
  /** The teachers' share of the loss; the labels have the rest. */
  weight: number;
}

/** Keeps the teachers on TensorFlow.js's current backend. @returns a function from images to the mean of their logits */
export function openTeachers(teachers: readonly Teacher[]): (images: Tensor) => Tensor2D {
  const networks = teachers.map(({ spec, weights }) => ({
    spec,
    weights: weights.map(({ shape, values }) => tensor(values, [...shape], 'float32')),
  }));
  return (images) => {
    const logits = networks.map(({ spec, weights }) => forward(spec, weights, images, null));
    return mul(
      logits.reduce((total, one) => add(total, one)),
      1 / networks.length,
    );
  };
}

/**
 * Returns `(1 - weight) * labelLoss + weight * T² * KL(softmax(taught / T) || softmax(logits / T))`, where the divergence is summed over the
 * rows and divided by `count`, as `labelLoss` is.
 *
 * @param logits [rows, labels]
 * @param taught [rows, labels], the teachers' logits
 * @param count images in the whole batch
 * @param weights [rows, 1], the weight of each row in the sum (default: 1)
 */
export function distilledLoss(
  labelLoss: Scalar,
  logits: Tensor2D,
  taught: Tensor2D,
  { temperature, weight }: Distillation,
  count: number,
  weights: Tensor2D | null = null,
): Scalar {
  const targets = logSoftmax(mul(taught, 1 / temperature)) as Tensor2D;
  const probabilities = exp(targets);
  const divergence = customGrad((x, save) => {
    const answers = logSoftmax(mul(x as Tensor2D, 1 / temperature)) as Tensor2D;
    const difference = sub(probabilities, exp(answers));
    const weighted = weights ? mul(difference, weights) : difference;
    (save as GradSaveFunc)([weighted]);
    const terms = mul(probabilities, sub(targets, answers));
    return {
      value: mul(sum(weights ? mul(terms, weights) : terms), temperature ** 2 / count),
      // d/dx = T * (softmax(x / T) - softmax(taught / T)) / count
      gradFunc: (dy: Tensor, [saved]: Tensor[]) =>
        mul(mul(saved as Tensor, -temperature / count), dy),
    };
  });
  return add(mul(labelLoss, 1 - weight), mul(divergence(logits), weight));
}
