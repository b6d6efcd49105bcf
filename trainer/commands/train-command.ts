import type { Command } from 'commander';
import { jsonReporter } from '../report/json-reporter.ts';
import { textReporter } from '../report/text-reporter.ts';
import { recipeWith } from '../training/recipe.ts';
import { imageOptions } from './image-options.ts';
import { addSchemaOptions, parseSchemaOptions } from './schema-options.ts';
import { trainOptionsSchema } from './train-options.ts';

/** Adds `catwalk train`. */
export function addTrainCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('train')
    .description('Trains the network on a data set; publishes every epoch where told to.');
  addSchemaOptions(command, trainOptionsSchema).action(async (raw) => {
    const options = parseSchemaOptions(trainOptionsSchema, { ...imageOptions(), ...raw });
    const { json } = options;
    const { epochs, batchSize } = recipeWith(options.recipe, options);
    const reporter = json
      ? jsonReporter((text) => process.stdout.write(text))
      : textReporter(process.stdout, { epochs, batchSize });
    // TensorFlow.js and the AWS SDK take a second to load, which --help need not wait for.
    const { runTraining } = await import('../run/run-training.ts');
    try {
      await runTraining(options, reporter, signal);
    } finally {
      reporter.close();
    }
  });
}
