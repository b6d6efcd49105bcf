import type { Recipe } from './recipe.ts';

/**
 * The learning rate of one step: it rises in a line over the warm-up, then stays, or falls along a cosine to 0 at the
 * end (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts).
 *
 * @param step counts from 0, over all epochs
 */
export function learningRateAt(
  {
    learningRate,
    schedule,
    warmupEpochs,
    epochs,
  }: Pick<Recipe, 'learningRate' | 'schedule' | 'warmupEpochs' | 'epochs'>,
  step: number,
  stepsPerEpoch: number,
): number {
  const warmup = warmupEpochs * stepsPerEpoch;
  if (step < warmup) return learningRate * Math.min(1, (step + 1) / warmup);
  if (schedule === 'constant') return learningRate;
  const share = (step - warmup) / (epochs * stepsPerEpoch - warmup);
  return (learningRate * (1 + Math.cos(Math.PI * share))) / 2;
}
