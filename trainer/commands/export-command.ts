import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, argumentsOf, parseSchemaOptions, UsageError } from './schema-options.ts';

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
    const { defaultNames, exportRun } = await import('../exchange/export-run.ts');
    const { writeAtomically } = await import('../dataset/write-atomically.ts');
    const { openBackend } = await import('../backends/open-backend.ts');
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
