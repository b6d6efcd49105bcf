import type { Command } from 'commander';
import { addSchemaOptions, parseSchemaOptions } from '../../node/options.ts';
import { imageOptions, trainOptionsSchema } from '../run/options.ts';
import { recipeWith } from '../train/recipe.ts';
import { jsonReporter, textReporter } from './reporters.ts';

/** Adds `catwalk train`. */
export function addTrainCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('train')
    .description('Trains the network on a data set; publishes every epoch where told to.');
  addSchemaOptions(command, trainOptionsSchema).action(async (raw) => {
    const given = { ...imageOptions(), ...raw };
    // Wrong options are told before TensorFlow.js and the AWS SDK are loaded, which takes a second.
    parseSchemaOptions(trainOptionsSchema, given);
    const { planRun } = await import('../run/plan-run.ts');
    const plan = await planRun(given);
    const { options } = plan;
    const { json } = options;
    const { epochs, batchSize } = recipeWith(options.recipe, options);
    const reporter = json
      ? jsonReporter((text) => process.stdout.write(text))
      : textReporter(process.stdout, { epochs, batchSize });
    const { runTraining } = await import('../run/run-training.ts');
    try {
      await runTraining(plan, reporter, signal);
    } finally {
      reporter.close();
    }
  });
}
