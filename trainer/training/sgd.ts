/** Of torch.optim.SGD; the customary value. */
export const momentum = 0.9;

/**
 * One step of stochastic gradient descent with momentum on the numbers `from` to `to`, in place, as
 * `torch.optim.SGD(momentum=0.9)` takes it: the velocity starts as the first gradient.
 *
 * @param velocity 0 at first
 */
export function sgdStep(
  parameters: Float32Array,
  velocity: Float32Array,
  gradient: Float32Array,
  learningRate: number,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const speed = (velocity[i] as number) * momentum + (gradient[i] as number);
    velocity[i] = speed;
    parameters[i] = (parameters[i] as number) - learningRate * speed;
  }
}
