import type { ModelSpec } from '../../shared/model-spec.ts';
import type { LayerTensor } from './from-pytorch.ts';
import type { NamedTensor } from './named-tensor.ts';
import { weightedLayers } from './weighted-layers.ts';

/**
 * Turns a network's weights into the tensors of a state_dict.
 *
 * @param weights each layer's kernel and bias, in order
 * @param names one for each layer with weights: a module's name in PyTorch
 * @throws {RangeError} where there are not as many names as layers
 */
export function toPytorch(
  weights: readonly LayerTensor[],
  spec: ModelSpec,
  names: readonly string[],
): NamedTensor[] {
  const layers = weightedLayers(spec);
  if (names.length !== layers.length) {
    throw new RangeError(
      `There are ${names.length} names; the network has ${layers.length} layers with weights.`,
    );
  }
  return layers.flatMap(({ weightShape, biasShape, weightPositions }, i) => {
    const kernel = weights[2 * i] as LayerTensor;
    const bias = weights[2 * i + 1] as LayerTensor;
    return [
      {
        name: `${names[i]}.weight`,
        shape: weightShape,
        values() {
          const values = new Float32Array(kernel.values.length);
          for (const [at, position] of weightPositions.entries()) {
            values[position] = kernel.values[at] as number;
          }
          return values;
        },
      },
      { name: `${names[i]}.bias`, shape: biasShape, values: () => bias.values },
    ];
  });
}
