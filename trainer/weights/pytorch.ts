import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { matchLayers } from './match-layers.ts';
import { type LayerTensor, type NamedTensor, WeightsFileError } from './tensor.ts';
import { weightedLayers } from './weighted-layers.ts';

/**
 * Converts the tensors of a state_dict to the network's weights.
 *
 * @param tensors in the order of the module's layers
 * @returns each layer's kernel and bias, in order, as `model.setWeights` accepts them
 * @throws {WeightsFileError} if the tensors do not match the network, or a value is not finite
 */
export function fromPytorch(tensors: readonly NamedTensor[], spec: ModelSpec): LayerTensor[] {
  return matchLayers(tensors, spec).flatMap(({ layer, weight, bias }) => {
    const values = finiteValues(weight);
    return [
      {
        shape: layer.kernelShape,
        values: Float32Array.from(layer.weightPositions, (position) => values[position] as number),
      },
      { shape: layer.biasShape, values: finiteValues(bias) },
    ];
  });
}

function finiteValues(tensor: NamedTensor): Float32Array {
  const values = tensor.values();
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return values;
  throw new WeightsFileError(
    `Value ${wrong} of ${tensor.name} is ${values[wrong]}, which is not finite.`,
  );
}

/**
 * Converts a network's weights to the tensors of a state_dict.
 *
 * @param weights each layer's kernel and bias, in order
 * @param names the PyTorch module of each layer with weights
 * @throws {RangeError} if the number of names is not that of the layers
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
