import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { StoredRun } from '../run/read-run.ts';
import { toPytorch } from '../weights/pytorch.ts';
import { readModelWeights } from '../weights/read-model-weights.ts';
import { writeSafetensors } from '../weights/safetensors.ts';
import { weightedLayers } from '../weights/weighted-layers.ts';

/**
 * Converts a run's model to a `.safetensors` file for PyTorch's `load_state_dict`, on TensorFlow.js's current backend.
 *
 * @param names one per layer with weights; see `defaultNames`
 * @returns the file, with weights in float32 whatever their type in the run
 * @throws {RangeError} if the number of names is not the number of layers with weights
 */
export async function exportSafetensors(
  { config, files, id, training }: StoredRun,
  names: readonly string[] = defaultNames(config.spec),
): Promise<Uint8Array> {
  const { spec } = config;
  const tensors = toPytorch(await readModelWeights(spec, { ...files }), spec, names);
  return writeSafetensors(tensors, { model: spec.name, run: id, recipe: training.recipe });
}

/** Returns the layer names that the tutorial uses: conv1, conv2, conv3, fc1, fc2. */
export function defaultNames(spec: ModelSpec): string[] {
  const counts = { conv2d: 0, dense: 0 };
  const prefixes = { conv2d: 'conv', dense: 'fc' };
  return weightedLayers(spec).map(({ type }) => `${prefixes[type]}${++counts[type]}`);
}
