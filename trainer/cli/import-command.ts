import * as z from 'zod';
import { argument, option, text } from '../../node/options.ts';
import { percent, printProgress, printResult } from '../../node/text.ts';
import { environmentOptions, trainOptionsSchema } from '../run/options.ts';
import { jsonOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';

const { dataset, background, fit, dataDir, labelOffset, backend, device, runs } =
  trainOptionsSchema.shape;

export const importRun = defineCommand({
  name: 'import',
  description: "Imports a PyTorch state_dict of the tutorial's network as a run.",
  options: z.object({
    file: argument("weights of the tutorial's network: .pth or .safetensors", text),
    key: option(
      '<a.b>',
      'key of the weights in a checkpoint that has several, such as ema (default: the only one, state_dict, model_state_dict or model)',
      text.optional(),
    ),
    mean: option(
      '<x>',
      'the network was trained with pixels (p / 255 - mean) / std; 0 for pixels in [0, 1] (default: 0.5)',
      z.coerce.number().min(-1).max(1).optional(),
    ),
    std: option(
      '<x>',
      'the std of this scale; 1 for pixels in [0, 1] (default: 0.5)',
      z.coerce.number().positive().max(10).optional(),
    ),
    dataset: dataset.describe('the data set that the network was trained on'),
    background,
    fit,
    dataDir,
    labelOffset,
    backend,
    device,
    runs,
    json: jsonOption,
  }),
  environmentOptions,
  async run({ json, ...options }, { signal }) {
    const { importWeights } = await import('../run/import-weights.ts');
    const { loadDataset } = await import('../data/load-dataset.ts');
    const { imageProgress } = await import('./reporters.ts');
    const progress = imageProgress(process.stderr);
    const reporting = { signal, onProgress: printProgress, onImages: progress.update };
    const imported = await importWeights({
      ...options,
      signal,
      loadDataset: () => loadDataset({ ...options, ...reporting }).finally(progress.close),
    });
    const { run, spec, metrics, backend, key, keys, betterScale } = imported;
    const { accuracy, loss } = metrics;
    printResult(
      json,
      { run, model: spec.name, accuracy, loss, key, keys, betterScale },
      () =>
        `Imported ${options.file} as ${spec.name}: test accuracy ${percent(accuracy)}, average loss ${loss.toFixed(4)} (${backend.name}). Run: ${run}\n`,
    );
    if (json) return;
    if (keys.length > 1) {
      printProgress(
        `The file has weights under ${keys.map((name) => name || '(the root)').join(', ')}. These are those of ${key || 'the root'}; --key chooses others.`,
      );
    }
    if (betterScale) {
      const { better, own, images } = betterScale;
      printProgress(
        `Of the first ${images} test images ${percent(own.accuracy)} are right, and ${percent(better.accuracy)} would be with --mean ${better.mean} --std ${better.std}. If the network was trained with pixels of this scale, import it again with these options.`,
      );
    }
  },
});
