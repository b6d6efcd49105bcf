import type { ModelSpec } from '../../shared/model-spec.ts';
import { matchLayers } from './match-layers.ts';
import type { NamedTensor } from './named-tensor.ts';
import { WeightsFileError } from './weights-file-error.ts';

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
