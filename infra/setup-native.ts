/** `npm run setup:native [-- --gpu]`: installs TensorFlow's native backend for the trainer. */
import { Command } from 'commander';
import * as z from 'zod';
import { explainFailure } from '../node/exit-code.ts';
import { addSchemaOptions, parseSchemaOptions } from '../node/options.ts';
import { setUpNative } from './native/set-up-native.ts';

const setupOptionsSchema = z.object({
  gpu: z
    .boolean()
    .default(false)
    .describe('install TensorFlow for NVIDIA GPUs, with CUDA 12 (3 GB)'),
});

const command = new Command('npm run setup:native --')
  .description('Installs TensorFlow for the trainer into build/native.')
  .allowExcessArguments(false)
  .exitOverride();
addSchemaOptions(command, setupOptionsSchema);

try {
  const raw = command.parse().opts();
  const { gpu } = parseSchemaOptions(setupOptionsSchema, raw);
  await setUpNative({ variant: gpu ? 'gpu' : 'cpu', print: console.log });
} catch (error) {
  process.exitCode = explainFailure(error);
}
