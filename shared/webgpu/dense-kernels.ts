import type { Kernel } from './kernel.ts';
import type { DensePlan } from './network-plan.ts';
import { splitsFor, tiledProduct } from './tiled-product.ts';

/** The number of parts in which the hidden layer's product is summed. */
export const hiddenSplits = ({ inputs, units }: DensePlan, batch: number): number =>
  splitsFor(batch, units, inputs);

/** The hidden layer without its bias, in parts: [part, batch, units]. The head adds them up. */
export function hiddenProduct(plan: DensePlan, batch: number, input: string): Kernel {
  return tiledProduct({
    name: 'hidden product',
    m: batch,
    n: plan.units,
    k: plan.inputs,
    splits: hiddenSplits(plan, batch),
    bindings: [
      { variable: 'input', buffer: input },
      { variable: 'weights', buffer: 'weights' },
      { variable: 'parts', buffer: 'hiddenParts', writes: true },
    ],
    a: 'if (m >= M) { return 0.0; } return input[m * K + k];',
    b: `return weights[${plan.offset}u + k * N + n];`,
    store: 'parts[(split * M + row) * N + column] = value;',
  });
}

/**
 * The gradient of a dense layer's kernel and bias, [inputs + 1, units]; the bias is an input of ones.
 *
 * @param start where it starts in the buffer `gradients`
 */
export function kernelGradient(
  name: string,
  { inputs, units }: DensePlan,
  batch: number,
  { input, outputGradient, start }: { input: string; outputGradient: string; start: number },
): Kernel {
  return tiledProduct({
    name,
    m: inputs + 1,
    n: units,
    k: batch,
    bindings: [
      { variable: 'input', buffer: input },
      { variable: 'outputGradient', buffer: outputGradient },
      { variable: 'gradients', buffer: 'gradients', writes: true },
    ],
    a: `if (m < ${inputs}u) { return input[k * ${inputs}u + m]; } return select(0.0, 1.0, m == ${inputs}u);`,
    b: 'if (n >= N) { return 0.0; } return outputGradient[k * N + n];',
    store: `gradients[${start}u + row * N + column] = value;`,
  });
}

/** The gradient of the hidden layer's input, [batch, inputs]. */
export function hiddenInputGradient(plan: DensePlan, batch: number, target: string): Kernel {
  return tiledProduct({
    name: 'hidden input gradient',
    m: batch,
    n: plan.inputs,
    k: plan.units,
    // Narrow blocks, as a small batch has few rows.
    columns: batch > 256 ? 4 : 1,
    bindings: [
      { variable: 'outputGradient', buffer: 'hiddenGradient' },
      { variable: 'weights', buffer: 'weights' },
      { variable: 'target_', buffer: target, writes: true },
    ],
    a: 'if (m >= M) { return 0.0; } return outputGradient[m * K + k];',
    b: `if (n >= N) { return 0.0; } return weights[${plan.offset}u + n * K + k];`,
    store: 'target_[row * N + column] = value;',
  });
}
