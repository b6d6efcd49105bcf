import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from '../../node/options.ts';
import type { Evaluation } from '../evaluate/evaluate-model.ts';
import type { TrainedModel } from '../evaluate/trained-model.ts';
import { jsonOption } from './bucket-options.ts';
import { chosenModel, modelChoiceOptions, modelUseOptions } from './chosen-model.ts';
import { formatCount, percent, textTable } from './text.ts';

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
    const { evaluateModel } = await import('../evaluate/evaluate-model.ts');
    const { imageProgress } = await import('./evaluate-command.ts');
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
    const { evaluationText } = await import('./evaluate-command.ts');
    process.stdout.write(evaluationText(model, evaluation));
  });
}

/** With more classes than this the confusion matrix is wider than a terminal. */
const mostColumns = 20;

/** An evaluation for people to read. */
export function evaluationText(
  { description, recorded }: Pick<TrainedModel, 'description' | 'recorded'>,
  { metrics, dataset, backend, seconds }: Evaluation,
): string {
  const { accuracy, loss, perClass, confusion } = metrics;
  const { kind, name } = backend.device;
  const images = `${formatCount(dataset.images)} test images of ${dataset.name}`;
  const speed = `${formatCount(dataset.images / seconds)} images/s`;
  const scores = perClass.map(({ label, precision, recall, f1, support }) => [
    label,
    ...[precision, recall, f1].map((score) => score.toFixed(3)),
    formatCount(support),
  ]);
  return [
    `Model ${description}\n`,
    `Backend ${backend.name} on ${kind} (${name}), ${speed}\n`,
    `Accuracy ${percent(accuracy)}, average loss ${loss.toFixed(4)}, on ${images}\n`,
    `Recorded when it was trained: accuracy ${percent(recorded.accuracy)}, average loss ${recorded.loss.toFixed(4)}\n`,
    '\n',
    textTable(['CLASS', 'PRECISION', 'RECALL', 'F1', 'IMAGES'], scores),
    '\n',
    confusionTable(
      perClass.map(({ label }) => label),
      confusion,
    ),
  ].join('');
}

function confusionTable(labels: readonly string[], confusion: readonly number[][]): string {
  if (labels.length > mostColumns) {
    return `The confusion matrix of ${labels.length} classes: --json\n`;
  }
  const heading = ['ACTUAL, PREDICTED →', ...labels.map((_, id) => String(id))];
  const rows = confusion.map((counts, actual) => [
    `${actual} ${labels[actual]}`,
    ...counts.map((count) => (count === 0 ? '·' : String(count))),
  ]);
  return textTable(heading, rows);
}

/** A bar of the images that are done, on a terminal; nothing elsewhere. */
export function imageProgress(stream: NodeJS.WriteStream) {
  let bar: SingleBar | undefined;
  return {
    update(done: number, of: number): void {
      if (!stream.isTTY) return;
      if (!bar) {
        bar = new SingleBar({
          stream,
          clearOnComplete: true,
          hideCursor: true,
          format: '{bar} {percentage}% | {value}/{total} images | {eta_formatted} left',
          barCompleteChar: '█',
          barIncompleteChar: '░',
          barsize: 24,
        });
        bar.start(of, done);
      }
      bar.update(done);
    },
    /** Leaves the terminal as it was. */
    close: () => bar?.stop(),
  };
}
