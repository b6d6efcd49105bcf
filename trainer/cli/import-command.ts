import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from '../../node/options.ts';
import { imageOptions, trainOptionsSchema } from '../run/options.ts';

const { dataset, dataDir, backend, device, runs } = trainOptionsSchema.shape;
const importOptionsSchema = z.object({
  file: z.string().min(1).describe("weights of the tutorial's network: .pth or .safetensors").meta({
    argument: true,
  }),
  dataset: dataset.describe('the data set that the network tells apart'),
  dataDir,
  backend,
  device,
  runs,
  json: z.boolean().default(false).describe('print one JSON object'),
});

/** Adds `catwalk import`. */
export function addImportCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('import')
    .description(
      "Makes a run of weights that PyTorch trained: a state_dict of the tutorial's network.",
    );
  addSchemaOptions(command, importOptionsSchema).action(async (_file, raw) => {
    const { json, ...options } = parseSchemaOptions(importOptionsSchema, {
      ...imageOptions(),
      ...raw,
      ...argumentsOf(command),
    });
    const { importWeights } = await import('../run/import-weights.ts');
    const { loadDataset } = await import('../data/load-dataset.ts');
    const {
      run,
      spec,
      metrics,
      backend: opened,
    } = await importWeights({
      ...options,
      signal,
      loadDataset: () =>
        loadDataset({
          dataset: options.dataset,
          dataDir: options.dataDir,
          signal,
          onProgress: (message) => process.stderr.write(`${message}\n`),
        }),
    });
    const { accuracy, loss } = metrics;
    if (json) {
      process.stdout.write(`${JSON.stringify({ run, model: spec.name, accuracy, loss })}\n`);
      return;
    }
    const percent = (100 * accuracy).toFixed(2);
    process.stdout.write(
      `Imported ${options.file} as ${spec.name}: test accuracy ${percent} %, average loss ${loss.toFixed(4)} (${opened.name}). Run: ${run}\n`,
    );
  });
}
