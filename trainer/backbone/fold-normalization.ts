import type { LayerTensor } from '../weights/tensor.ts';

/** The statistics of a batch normalization, one number per channel. */
export interface Normalization {
  gamma: Float32Array;
  beta: Float32Array;
  moving_mean: Float32Array;
  moving_variance: Float32Array;
}

/**
 * Folds a batch normalization into the convolution before it, which has no bias: y = (x - mean) * gamma / sqrt(variance + epsilon) + beta.
 * Computed in double precision, so that the only error is one rounding of each weight.
 *
 * @param kernel [height, width, in, out], or [height, width, channels, 1] of a depthwise convolution: the channels of the output are the
 *   last dimension with more than one
 * @returns kernel and bias
 */
export function foldNormalization(
  kernel: LayerTensor,
  { gamma, beta, moving_mean: mean, moving_variance: variance }: Normalization,
  epsilon: number,
): [kernel: LayerTensor, bias: LayerTensor] {
  const channels = gamma.length;
  const scales = Array.from(
    gamma,
    (value, channel) => value / Math.sqrt((variance[channel] as number) + epsilon),
  );
  const scaleOf = (channel: number) => scales[channel] as number;
  return [
    {
      shape: kernel.shape,
      values: kernel.values.map((value, at) => value * scaleOf(at % channels)),
    },
    {
      shape: [channels],
      values: beta.map((value, channel) => value - (mean[channel] as number) * scaleOf(channel)),
    },
  ];
}
