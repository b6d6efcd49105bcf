import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { StoredRun } from '../run/read-run.ts';
import { writeOnnx } from '../weights/onnx.ts';
import { toPytorch } from '../weights/pytorch.ts';
import { readModelWeights } from '../weights/read-model-weights.ts';
import { writeSafetensors } from '../weights/safetensors.ts';
import { weightedLayers } from '../weights/weighted-layers.ts';

/** The formats of `catwalk export`, which are also the endings of the files' names. */
export type ExportFormat = 'safetensors' | 'onnx';

/**
 * Converts a run's model to a file for other programs, on TensorFlow.js's current backend: `.safetensors` for PyTorch's
 * `load_state_dict`, or `.onnx`.
 *
 * @param names one per layer with weights (default: `defaultNames`)
 * @returns the file, with weights in float32 whatever their type in the run
 * @throws {RangeError} if the number of names is not the number of layers with weights
 */
export async function exportRun(
  { config, files, id, training }: StoredRun,
  format: ExportFormat,
  names: readonly string[] = defaultNames(config.spec),
): Promise<Uint8Array> {
  const { spec } = config;
  const weights = await readModelWeights(spec, { ...files });
  const metadata = { model: spec.name, run: id, recipe: training.recipe };
  return format === 'onnx'
    ? writeOnnx(weights, spec, names, metadata)
    : writeSafetensors(toPytorch(weights, spec, names), metadata);
}

/** Returns the layer names that the tutorial uses: conv1, conv2, conv3, fc1, fc2. */
export function defaultNames(spec: ModelSpec): string[] {
  const counts = { conv2d: 0, depthwiseConv2d: 0, dense: 0 };
  const prefixes = { conv2d: 'conv', depthwiseConv2d: 'depthwise', dense: 'fc' };
  return weightedLayers(spec).map(({ type }) => `${prefixes[type]}${++counts[type]}`);
}
