import {
  add,
  customGrad,
  exp,
  type GradSaveFunc,
  logSoftmax,
  mul,
  neg,
  oneHot,
  type Scalar,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';

/**
 * Cross-entropy of softmax(logits) against integer labels, summed over the rows and divided by `count`:
 * where replicas hold parts of one batch, their losses and gradients then add up to the batch's mean.
 *
 * @param logits [rows, labels]
 * @param labels int32 [rows]
 * @param count images in the whole batch
 * @param smoothing share of each target that is spread evenly over all labels, as `label_smoothing` of
 * torch.nn.functional.cross_entropy
 */
export function crossEntropy(
  logits: Tensor2D,
  labels: Tensor1D,
  count: number,
  smoothing = 0,
): Scalar {
  const classes = logits.shape[1];
  const chosen = oneHot(labels, classes);
  const targets = smoothing === 0 ? chosen : add(mul(chosen, 1 - smoothing), smoothing / classes);
  const loss = customGrad((x, save) => {
    const logProbabilities = logSoftmax(x as Tensor2D);
    (save as GradSaveFunc)([logProbabilities, targets]);
    return {
      value: mul(neg(sum(mul(targets, logProbabilities))), 1 / count),
      // d/dx = (softmax(x) - target) / count
      gradFunc: (dy: Tensor, saved: Tensor[]) => {
        const [savedLogProbabilities, savedTargets] = saved as [Tensor, Tensor];
        return mul(mul(sub(exp(savedLogProbabilities), savedTargets), 1 / count), dy);
      },
    };
  });
  return loss(logits) as Scalar;
}
