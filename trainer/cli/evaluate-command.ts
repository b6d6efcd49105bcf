import * as z from 'zod';
import { argument, text } from '../../node/options.ts';
import { formatCount, percent, printProgress, printResult, textTable } from '../../node/text.ts';
import type { Evaluation } from '../evaluate/evaluate-model.ts';
import type { TrainedModel } from '../evaluate/trained-model.ts';
import { jsonOption } from './bucket-options.ts';
import { defineCommand } from './command.ts';
import { modelSelectors, modelUseOptions, selectModel } from './select-model.ts';

export const evaluate = defineCommand({
  name: 'evaluate',
  description:
    'Evaluates a model on the whole test set: accuracy, loss, scores per class, confusion matrix.',
  options: z.object({
    run: argument('folder of the run (default: the newest run)', text.optional()),
    ...modelSelectors,
    ...modelUseOptions,
    json: jsonOption,
  }),
  async run(options, { signal }) {
    const model = await selectModel(options, signal);
    const { evaluateModel } = await import('../evaluate/evaluate-model.ts');
    const { imageProgress } = await import('./reporters.ts');
    const progress = imageProgress(process.stderr);
    const evaluation = await evaluateModel(model, {
      ...options,
      signal,
      onProgress: printProgress,
      onImages: progress.update,
    }).finally(progress.close);
    const { identity, recorded } = model;
    printResult(options.json, { model: identity, ...evaluation, recorded }, () =>
      evaluationText(model, evaluation),
    );
  },
});

/** With more classes the confusion matrix is wider than a terminal. */
const maxColumns = 20;

function evaluationText(
  { description, recorded }: TrainedModel,
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
  const labels = perClass.map(({ label }) => label);
  return [
    `Model ${description}\n`,
    `Backend ${backend.name} on ${kind} (${name}), ${speed}\n`,
    `Accuracy ${percent(accuracy)}, average loss ${loss.toFixed(4)}, on ${images}\n`,
    `Recorded at training: accuracy ${percent(recorded.accuracy)}, average loss ${recorded.loss.toFixed(4)}\n`,
    '\n',
    textTable(['CLASS', 'PRECISION', 'RECALL', 'F1', 'IMAGES'], scores),
    '\n',
    confusionTable(labels, confusion),
  ].join('');
}

function confusionTable(labels: readonly string[], confusion: readonly number[][]): string {
  if (labels.length > maxColumns) {
    return `The confusion matrix has ${labels.length} classes. --json includes it.\n`;
  }
  const heading = ['ACTUAL, PREDICTED →', ...labels.map((_, id) => String(id))];
  const rows = confusion.map((counts, actual) => [
    `${actual} ${labels[actual]}`,
    ...counts.map((count) => (count === 0 ? '·' : String(count))),
  ]);
  return textTable(heading, rows);
}
