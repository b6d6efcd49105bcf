import * as z from 'zod';
import { option, UsageError } from '../../node/options.ts';
import { printResult } from '../../node/text.ts';
import { jsonOption, runArgument } from './bucket-options.ts';
import { defineCommand } from './command.ts';

export const exportRun = defineCommand({
  name: 'export',
  description: 'Exports the weights of a run as .safetensors, for load_state_dict in PyTorch.',
  options: z.object({
    run: runArgument,
    out: option(
      '<file.safetensors>',
      'the file to write',
      z.string().regex(/\.safetensors$/, 'the file name must end with .safetensors'),
    ),
    names: option(
      '<a,b,…>',
      'module names for the layers, comma-separated (default: conv1,conv2,conv3,fc1,fc2)',
      z
        .string()
        .transform((names) => names.split(','))
        .pipe(z.array(z.string().regex(/^\w+(\.\w+)*$/, 'must be module names, comma-separated')))
        .optional(),
    ),
    json: jsonOption,
  }),
  async run({ run, out, names, json }, { signal }) {
    const { readRun } = await import('../run/read-run.ts');
    const { defaultNames, exportSafetensors } = await import('../evaluate/export-safetensors.ts');
    const { writeAtomically } = await import('../../node/files.ts');
    const { openBackend } = await import('../backend/open-backend.ts');
    const stored = await readRun(run);
    const { spec } = stored.config;
    const layers = names ?? defaultNames(spec);
    await openBackend('cpu');
    const bytes = await exportSafetensors(stored, layers).catch((error) => {
      throw error instanceof RangeError ? new UsageError(`--names: ${error.message}`) : error;
    });
    await writeAtomically(out, bytes, signal);
    printResult(
      json,
      { file: out, bytes: bytes.byteLength, layers },
      () => `Wrote ${out}: ${layers.join(', ')} of ${spec.name}\n`,
    );
  },
});
