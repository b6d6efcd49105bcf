import { join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';
import type { RunEpoch } from './run-records.ts';
import { writeTensorboard } from './tensorboard.ts';

/** Writes the files with which other programs follow a training: metrics.csv and tensorboard/. */
export async function writeMetrics(folder: string, epochs: readonly RunEpoch[]): Promise<void> {
  await writeAtomically(join(folder, 'metrics.csv'), metricsCsv(epochs));
  await writeTensorboard(folder, epochs);
}

const metricsColumns: Record<string, (line: RunEpoch) => Cell> = {
  epoch: ({ epoch }) => epoch,
  train_loss: ({ trainLoss }) => trainLoss,
  validation_loss: ({ validation }) => validation?.loss,
  validation_accuracy: ({ validation }) => validation?.accuracy,
  test_loss: ({ loss }) => loss,
  test_accuracy: ({ accuracy }) => accuracy,
  seconds: ({ seconds }) => seconds,
  images_per_second: ({ imagesPerSecond }) => imagesPerSecond,
};

/** Returns metrics.csv: one row per epoch. Values that were not measured are empty. */
const metricsCsv = (epochs: readonly RunEpoch[]): string =>
  toCsv([
    Object.keys(metricsColumns),
    ...epochs.map((line) => Object.values(metricsColumns).map((cellOf) => cellOf(line))),
  ]);

/** Returns confusion.csv: one row per actual class, one column per predicted class. */
export const confusionCsv = ({ confusion }: Metrics, labels: readonly string[]): string =>
  toCsv([
    ['actual \\ predicted', ...labels],
    ...confusion.map((row, actual) => [labels[actual], ...row]),
  ]);

type Cell = string | number | undefined;

/** Formats comma-separated values (RFC 4180): fields quoted if necessary, lines ending in CRLF. */
const toCsv = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(toField).join(',')}\r\n`).join('');

function toField(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
