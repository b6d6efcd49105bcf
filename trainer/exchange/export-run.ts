import type { StoredRun } from '../run/read-run.ts';
import type { LayerTensor } from './from-pytorch.ts';
import { sizeOf } from './named-tensor.ts';
import { toPytorch } from './to-pytorch.ts';
import { weightedLayers } from './weighted-layers.ts';
import { WeightsFileError } from './weights-file-error.ts';
import { writeSafetensors } from './write-safetensors.ts';

/**
 * Turns a run's model into a `.safetensors` that PyTorch's `load_state_dict` takes.
 *
 * @param names one for each layer with weights; see `defaultNames`
 * @throws {WeightsFileError} where the weights are not those of the run's network
 * @throws {RangeError} where there are not as many names as layers with weights
 */
export function exportRun(
  { config, files, id, training }: StoredRun,
  names: readonly string[] = defaultNames(config),
): Uint8Array {
  const { spec } = config;
  const tensors = toPytorch(weightsOf(files['weights.bin'], spec), spec, names);
  return writeSafetensors(tensors, { model: spec.name, run: id, recipe: training.recipe });
}

/** As the tutorial's author would name them: conv1, conv2, conv3, fc1, fc2. */
export function defaultNames({ spec }: Pick<StoredRun['config'], 'spec'>): string[] {
  const counts = { conv2d: 0, dense: 0 };
  const prefixes = { conv2d: 'conv', dense: 'fc' };
  return weightedLayers(spec).map(({ type }) => `${prefixes[type]}${++counts[type]}`);
}

/** weights.bin holds kernel and bias of each layer one after the other, in float32. */
function weightsOf(bytes: Uint8Array, spec: StoredRun['config']['spec']): LayerTensor[] {
  const shapes = weightedLayers(spec).flatMap(({ kernelShape, biasShape }) => [
    kernelShape,
    biasShape,
  ]);
  const expected = 4 * shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  if (bytes.byteLength !== expected) {
    throw new WeightsFileError(
      `weights.bin has ${bytes.byteLength} bytes; ${spec.name} has ${expected} in float32.`,
    );
  }
  const values = new Float32Array(bytes.slice().buffer);
  let offset = 0;
  return shapes.map((shape) => {
    const from = offset;
    offset += sizeOf(shape);
    return { shape, values: values.subarray(from, offset) };
  });
}
