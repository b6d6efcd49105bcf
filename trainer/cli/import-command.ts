import * as z from 'zod';
import { argument, text } from '../../node/options.ts';
import { percent, printProgress, printResult } from '../../node/text.ts';
import { environmentOptions, trainOptionsSchema } from '../run/options.ts';
import { jsonOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';

const { dataset, background, fit, dataDir, backend, device, runs } = trainOptionsSchema.shape;

export const importRun = defineCommand({
  name: 'import',
  description: "Imports a PyTorch state_dict of the tutorial's network as a run.",
  options: z.object({
    file: argument("weights of the tutorial's network: .pth or .safetensors", text),
    dataset: dataset.describe('the data set that the network was trained on'),
    background,
    fit,
    dataDir,
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
    const { run, spec, metrics, backend } = await importWeights({
      ...options,
      signal,
      loadDataset: () => loadDataset({ ...options, ...reporting }).finally(progress.close),
    });
    const { accuracy, loss } = metrics;
    printResult(
      json,
      { run, model: spec.name, accuracy, loss },
      () =>
        `Imported ${options.file} as ${spec.name}: test accuracy ${percent(accuracy)}, average loss ${loss.toFixed(4)} (${backend.name}). Run: ${run}\n`,
    );
  },
});
