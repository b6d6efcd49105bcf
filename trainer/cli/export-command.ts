import * as z from 'zod';
import { option, text, UsageError } from '../../node/options.ts';
import { printResult } from '../../node/text.ts';
import { jsonOption, runArgument } from './bucket-options.ts';
import { defineCommand } from './command.ts';

const exportFormats = ['safetensors', 'onnx'] as const;

export const exportCommand = defineCommand({
  name: 'export',
  description:
    'Exports the model of a run: .safetensors for load_state_dict in PyTorch, or .onnx for other programs.',
  options: z.object({
    run: runArgument,
    out: option('<file>', 'the file to write, such as model.safetensors or model.onnx', text),
    format: option(
      '<name>',
      "safetensors or onnx (default: the ending of the file's name)",
      z.enum(exportFormats).optional(),
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
  async run({ run, out, names, json, ...options }, { signal }) {
    const ending = exportFormats.find((name) => out.toLowerCase().endsWith(`.${name}`));
    const format = options.format ?? ending;
    if (format === undefined) {
      throw new UsageError(
        `--out: ${out} ends with neither .safetensors nor .onnx; name the format with --format`,
      );
    }
    const { readRun } = await import('../run/read-run.ts');
    const { defaultNames, exportRun } = await import('../evaluate/export-run.ts');
    const { writeAtomically } = await import('../../node/files.ts');
    const { openBackend } = await import('../backend/open-backend.ts');
    const stored = await readRun(run);
    const { spec } = stored.config;
    const layers = names ?? defaultNames(spec);
    await openBackend('cpu');
    const bytes = await exportRun(stored, format, layers).catch((error) => {
      throw error instanceof RangeError ? new UsageError(`--names: ${error.message}`) : error;
    });
    await writeAtomically(out, bytes, signal);
    printResult(
      json,
      { file: out, format, bytes: bytes.byteLength, layers },
      () => `Wrote ${out}: ${layers.join(', ')} of ${spec.name}\n`,
    );
  },
});
