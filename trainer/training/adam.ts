export interface AdamOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** PyTorch's defaults (torch.optim.Adam). */
export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** The flat vectors that Adam works on; all of one length, on memory shared by all replicas. */
export interface AdamState {
  parameters: Float32Array;
  firstMoments: Float32Array;
  secondMoments: Float32Array;
}

/**
 * One step of Adam (Kingma & Ba 2015, arXiv:1412.6980) on the numbers `from` to `to`, in place, in the order
 * of operations of PyTorch's `_single_tensor_adam`.
 *
 * @param gradient as long as the state's vectors
 * @param step counts from 1
 */
export function adamStep(
  { parameters, firstMoments, secondMoments }: AdamState,
  gradient: Float32Array,
  { learningRate, beta1, beta2, epsilon }: AdamOptions,
  step: number,
  from: number,
  to: number,
): void {
  const stepSize = learningRate / (1 - beta1 ** step);
  const inverseCorrection = 1 / Math.sqrt(1 - beta2 ** step);
  for (let i = from; i < to; i++) {
    const slope = gradient[i] as number;
    const moment = (firstMoments[i] as number) * beta1 + slope * (1 - beta1);
    const square = (secondMoments[i] as number) * beta2 + slope * slope * (1 - beta2);
    firstMoments[i] = moment;
    secondMoments[i] = square;
    const change = (stepSize * moment) / (Math.sqrt(square) * inverseCorrection + epsilon);
    parameters[i] = (parameters[i] as number) - change;
  }
}
