import { textTable } from '../commands/text-table.ts';
import type { Evaluation } from '../evaluation/evaluate-model.ts';
import type { TrainedModel } from '../evaluation/trained-model.ts';
import { formatCount, percent } from './text-lines.ts';

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
