import * as z from 'zod';
import { argument, text } from '../../node/options.ts';
import { percent, printProgress, printResult } from '../../node/text.ts';
import { environmentOptions, trainOptionsSchema, weightsFileOptions } from '../run/options.ts';
import { noteOnKeys } from '../weights/read-weights-file.ts';
import { jsonOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';

const { dataset, background, fit, colour, size, dataDir, labelOffset, backend, device, runs } =
  trainOptionsSchema.shape;

export const importRun = defineCommand({
  name: 'import',
  description: "Imports a PyTorch state_dict of the tutorial's network as a run.",
  options: z.object({
    file: argument("weights of the tutorial's network: .pth or .safetensors", text),
    ...weightsFileOptions,
    dataset: dataset.describe('the data set that the network was trained on'),
    background,
    fit,
    colour,
    size,
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
    const { openDataset } = await import('../registry/open-dataset.ts');
    const { imageProgress } = await import('./reporters.ts');
    const progress = imageProgress(process.stderr);
    const reporting = { signal, onProgress: printProgress, onImages: progress.update };
    const imported = await importWeights({
      ...options,
      signal,
      loadDataset: () => openDataset({ ...options, ...reporting }).finally(progress.close),
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
    const note = noteOnKeys(imported);
    if (note) printProgress(note);
    if (betterScale) {
      const { better, own, images } = betterScale;
      printProgress(
        `Of the first ${images} test images ${percent(own.accuracy)} are right, and ${percent(better.accuracy)} would be with --mean ${better.mean} --std ${better.std}. If the network was trained with pixels of this scale, import it again with these options.`,
      );
    }
  },
});
