import type { Metrics } from '../../shared/manifest.ts';
import type { RunEpoch } from '../run/run-records.ts';
import { toCsv } from './csv.ts';

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
