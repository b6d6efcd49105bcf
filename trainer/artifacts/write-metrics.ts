import { join } from 'node:path';
import { writeAtomically } from '../dataset/write-atomically.ts';
import type { RunFolder } from '../run/run-folder.ts';
import { metricsCsv } from './metrics-csv.ts';
import { writeTensorboard } from './write-tensorboard.ts';

/** Writes what other programs follow a training by into its run's folder: metrics.csv and tensorboard/. */
export async function writeMetrics({
  path,
  epochs,
}: Pick<RunFolder, 'path' | 'epochs'>): Promise<void> {
  await writeAtomically(join(path, 'metrics.csv'), new TextEncoder().encode(metricsCsv(epochs)));
  await writeTensorboard({ path, epochs });
}
