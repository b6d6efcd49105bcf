import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { matchLayers } from './match-layers.ts';
import { type NamedTensor, WeightsFileError } from './tensor.ts';
import { weightedLayers } from './weighted-layers.ts';

/** A network's weights as TensorFlow.js has them: each layer's kernel and bias, in order. */
export interface LayerTensor {
  shape: readonly number[];
  values: Float32Array;
}

/**
 * Turns the tensors of a state_dict into the network's weights.
 *
 * @param tensors in the order of the module's layers
 * @returns what `model.setWeights` takes
 * @throws {WeightsFileError} where they are not the network's, or no finite numbers
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
    `Value ${wrong} of ${tensor.name} is ${values[wrong]}, no finite number.`,
  );
}

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
