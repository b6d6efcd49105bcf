/** Returns whether the fast loops cover a convolution: 3x3 with a multiple of 4 channels. The plain loops take any. */
// @ts-ignore: decorator
@inline
export function isFast(kernelHeight: i32, kernelWidth: i32, channels: i32): bool {
  return kernelHeight == 3 && kernelWidth == 3 && channels % 4 == 0;
}

/** Bytes of scratch memory that the training kernels of a depthwise convolution take: biases, scales, a filter, and an image in a frame. */
export function depthwiseScratchBytes(
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  kernelHeight: i32,
  kernelWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
): i32 {
  if (!isFast(kernelHeight, kernelWidth, channels)) return 0;
  const rows = max(height + 2, (outHeight - 1) * strideHeight + 3);
  const columns = max(width + 2, (outWidth - 1) * strideWidth + 3);
  return ((11 + rows * columns) * channels) << 2;
}

/** Writes a 0 per channel, then a 1 per channel, as a bias and a scale that change nothing. Returns the address of the ones. */
export function fillConstants(scratch: usize, channels: i32): usize {
  const ones = scratch + (<usize>channels << 2);
  memory.fill(scratch, 0, <usize>channels << 2);
  for (let channel = 0; channel < channels; channel++) store<f32>(ones + (<usize>channel << 2), 1);
  return ones;
}
