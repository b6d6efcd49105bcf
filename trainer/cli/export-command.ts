import * as z from 'zod';
import { UsageError } from '../../node/options.ts';
import { printResult } from '../../node/text.ts';
import { jsonOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';

export const exportRun = defineCommand({
  name: 'export',
  description: 'Exports the weights of a run as .safetensors, for load_state_dict in PyTorch.',
  options: z.object({
    run: z
      .string()
      .min(1)
      .describe('folder of the run, such as runs/20261124T101500Z-1234')
      .meta({ argument: true }),
    out: z
      .string()
      .regex(/\.safetensors$/, 'the file name must end with .safetensors')
      .describe('the file to write')
      .meta({ value: '<file.safetensors>' }),
    names: z
      .string()
      .transform((text) => text.split(','))
      .pipe(z.array(z.string().regex(/^\w+(\.\w+)*$/, 'must be module names, comma-separated')))
      .optional()
      .describe('module names for the layers, comma-separated (default: conv1,conv2,conv3,fc1,fc2)')
      .meta({ value: '<a,b,…>' }),
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
