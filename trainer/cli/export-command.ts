import type { Command } from 'commander';
import * as z from 'zod';
import {
  addSchemaOptions,
  argumentsOf,
  parseSchemaOptions,
  UsageError,
} from '../../node/options.ts';
import { readWeights } from '../evaluate/open-model.ts';
import type { StoredRun } from '../run/read-run.ts';
import { toPytorch } from '../weights/pytorch.ts';
import { writeSafetensors } from '../weights/safetensors.ts';
import { weightedLayers } from '../weights/weighted-layers.ts';

const exportOptionsSchema = z.object({
  run: z.string().min(1).describe('folder of the run, such as runs/20261124T101500Z-1234').meta({
    argument: true,
  }),
  out: z
    .string()
    .regex(/\.safetensors$/, 'a file name that ends with .safetensors')
    .describe('the file to write')
    .meta({ value: '<file.safetensors>' }),
  names: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.string().regex(/^\w+(\.\w+)*$/, 'names of modules, with commas between')))
    .optional()
    .describe("the layers' names in PyTorch (default: conv1,conv2,conv3,fc1,fc2)")
    .meta({ value: '<a,b,…>' }),
  json: z.boolean().default(false).describe('print one JSON object'),
});

/** Adds `catwalk export`. */
export function addExportCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('export')
    .description("Writes a run's weights as a .safetensors that PyTorch's load_state_dict takes.");
  addSchemaOptions(command, exportOptionsSchema).action(async (_run, raw) => {
    const { run, out, names, json } = parseSchemaOptions(exportOptionsSchema, {
      ...raw,
      ...argumentsOf(command),
    });
    const { readRun } = await import('../run/read-run.ts');
    const { defaultNames, exportRun } = await import('./export-command.ts');
    const { writeAtomically } = await import('../../node/files.ts');
    const { openBackend } = await import('../backend/open-backend.ts');
    const stored = await readRun(run);
    const layers = names ?? defaultNames(stored.config);
    await openBackend('cpu');
    const bytes = await withUsageErrors(() => exportRun(stored, layers));
    await writeAtomically(out, bytes, signal);
    const summary = { file: out, bytes: bytes.byteLength, layers };
    process.stdout.write(
      json
        ? `${JSON.stringify(summary)}\n`
        : `Wrote ${out}: ${layers.join(', ')} of ${stored.config.spec.name}\n`,
    );
  });
}

async function withUsageErrors<Result>(compute: () => Promise<Result>): Promise<Result> {
  try {
    return await compute();
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--names: ${error.message}`);
    throw error;
  }
}

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
