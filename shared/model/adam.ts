/** PyTorch's defaults (torch.optim.Adam). */
export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/**
 * Returns the factors of a step of Adam (Kingma & Ba 2015, arXiv:1412.6980) that correct its moments, which start at 0.
 *
 * @param step counts from 1
 */
export function adamFactors(learningRate: number, step: number) {
  const { beta1, beta2 } = adamDefaults;
  return {
    stepSize: learningRate / (1 - beta1 ** step),
    inverseCorrection: 1 / Math.sqrt(1 - beta2 ** step),
  };
}
