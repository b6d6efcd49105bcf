import type { Command } from 'commander';
import * as z from 'zod';
import { jsonOption } from './bucket-options.ts';
import { chosenModel, modelChoiceOptions, modelUseOptions } from './chosen-model.ts';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from './schema-options.ts';

const evaluateOptionsSchema = z.object({
  run: z.string().min(1).optional().describe("folder of a run (default: the newest run's)").meta({
    argument: true,
  }),
  ...modelChoiceOptions,
  ...modelUseOptions,
  json: jsonOption,
});

/** Adds `catwalk evaluate`. */
export function addEvaluateCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('evaluate')
    .description(
      'Measures a model on the whole test set: accuracy, loss, the scores of each class, and the confusion matrix.',
    );
  addSchemaOptions(command, evaluateOptionsSchema).action(async () => {
    const options = parseSchemaOptions(evaluateOptionsSchema, {
      ...command.opts(),
      ...argumentsOf(command),
    });
    const model = await chosenModel(options, signal);
    const { evaluateModel } = await import('../evaluation/evaluate-model.ts');
    const { imageProgress } = await import('../report/image-progress.ts');
    const progress = imageProgress(process.stderr);
    const evaluation = await evaluateModel(model, {
      ...options,
      signal,
      onProgress: (message) => process.stderr.write(`${message}\n`),
      onImages: progress.update,
    }).finally(progress.close);
    const { identity, recorded } = model;
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ model: identity, ...evaluation, recorded })}\n`);
      return;
    }
    const { evaluationText } = await import('../report/evaluation-text.ts');
    process.stdout.write(evaluationText(model, evaluation));
  });
}
