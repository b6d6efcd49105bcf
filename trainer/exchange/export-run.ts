import { readWeights } from '../evaluation/open-model.ts';
import type { StoredRun } from '../run/read-run.ts';
import { toPytorch } from './to-pytorch.ts';
import { weightedLayers } from './weighted-layers.ts';
import { writeSafetensors } from './write-safetensors.ts';

/**
 * Turns a run's model, read on TensorFlow.js's current backend, into a `.safetensors` that PyTorch's `load_state_dict` takes.
 *
 * @param names one for each layer with weights; see `defaultNames`
 * @returns the file, its weights in float32 whatever the run has them in
 * @throws {RangeError} where there are not as many names as layers with weights
 */
export async function exportRun(
  { config, files, id, training }: StoredRun,
  names: readonly string[] = defaultNames(config),
): Promise<Uint8Array> {
  const { spec } = config;
  const tensors = toPytorch(await readWeights(spec, { ...files }), spec, names);
  return writeSafetensors(tensors, { model: spec.name, run: id, recipe: training.recipe });
}

/** As the tutorial's author would name them: conv1, conv2, conv3, fc1, fc2. */
export function defaultNames({ spec }: Pick<StoredRun['config'], 'spec'>): string[] {
  const counts = { conv2d: 0, dense: 0 };
  const prefixes = { conv2d: 'conv', dense: 'fc' };
  return weightedLayers(spec).map(({ type }) => `${prefixes[type]}${++counts[type]}`);
}
