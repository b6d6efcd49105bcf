import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';
import type { RunFolder } from './run-folder.ts';
import type { RunEpoch } from './run-records.ts';
import { writeTensorboard } from './tensorboard.ts';

/** Writes what other programs follow a training by into its run's folder: metrics.csv and tensorboard/. */
export async function writeMetrics({
  path,
  epochs,
}: Pick<RunFolder, 'path' | 'epochs'>): Promise<void> {
  await writeAtomically(join(path, 'metrics.csv'), new TextEncoder().encode(metricsCsv(epochs)));
  await writeTensorboard({ path, epochs });
}

/** metrics.csv: a line an epoch, empty where a value was not measured. */
export const metricsCsv = (epochs: readonly RunEpoch[]): string =>
  toCsv([
    [
      ...['epoch', 'train_loss', 'validation_loss', 'validation_accuracy', 'test_loss'],
      ...['test_accuracy', 'seconds', 'images_per_second'],
    ],
    ...epochs.map((line) => [
      ...[line.epoch, line.trainLoss, line.validation?.loss, line.validation?.accuracy],
      ...[line.loss, line.accuracy, line.seconds, line.imagesPerSecond],
    ]),
  ]);

/** confusion.csv: a line an actual class, a column a predicted one. */
export const confusionCsv = ({ confusion }: Metrics, labels: readonly string[]): string =>
  toCsv([
    ['actual \\ predicted', ...labels],
    ...confusion.map((row, actual) => [labels[actual], ...row]),
  ]);

type Cell = string | number | undefined;

/** Comma-separated values (RFC 4180): quoted where they must be, lines that end with CRLF. */
export const toCsv = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(toField).join(',')}\r\n`).join('');

function toField(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
