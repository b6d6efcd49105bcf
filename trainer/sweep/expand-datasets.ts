import { glob, stat } from 'node:fs/promises';
import { UsageError } from '../../node/options.ts';
import { modelNameFor } from '../../shared/model/model-spec.ts';
import { InvalidDatasetError } from '../data/dataset.ts';
import { datasetName } from '../data/known-datasets.ts';
import { openBucket } from '../registry/bucket.ts';
import { type DatasetConnection, isInBucket } from '../registry/open-dataset.ts';
import type { SweepFile } from './sweep-file.ts';
import type { SweepDataset } from './sweep-records.ts';

/** The largest number of trials: Kubernetes starts no more pods for an Indexed Job. */
const maxTrials = 100_000;

/**
 * Returns the data sets that a sweep's file names, with patterns replaced by the folders that fit now, in the order of their names.
 *
 * @throws {UsageError} if a pattern fits no folder, two data sets have the same name, or there are too many
 */
export async function expandDatasets(
  datasets: NonNullable<SweepFile['datasets']>,
  trialsOfEach: number,
  connection: DatasetConnection,
): Promise<SweepDataset[]> {
  const expanded: SweepDataset[] = [];
  for (const entry of datasets) {
    if (typeof entry !== 'string') expanded.push(entry);
    else for (const dataset of await foldersOf(entry, connection)) expanded.push(named(dataset));
  }
  if (expanded.length * trialsOfEach > maxTrials) {
    throw new UsageError(
      `datasets: ${expanded.length} data sets with ${trialsOfEach} trials each are more than ${maxTrials} trials. Make several sweeps of them.`,
    );
  }
  const models = new Map<string, string>();
  for (const { dataset, name } of expanded) {
    const model = modelNameFor(name);
    const other = models.get(model);
    if (other !== undefined) {
      throw new UsageError(
        `datasets: the models of ${other} and ${dataset} would both be ${model}. Name one of the data sets: { dataset: ${dataset}, name: another-name }.`,
      );
    }
    models.set(model, dataset);
  }
  return expanded;
}

function named(dataset: string): SweepDataset {
  try {
    return { dataset, name: datasetName(dataset) };
  } catch (error) {
    if (!(error instanceof InvalidDatasetError)) throw error;
    throw new UsageError(`datasets: ${error.message}`, { cause: error });
  }
}

async function foldersOf(pattern: string, connection: DatasetConnection): Promise<string[]> {
  if (!pattern.includes('*')) return [pattern];
  const folders = isInBucket(pattern)
    ? await foldersInBucket(pattern, connection)
    : await foldersHere(pattern);
  if (folders.length > 0) return folders.toSorted();
  throw new UsageError(`datasets: no folder fits ${pattern}.`);
}

async function foldersHere(pattern: string): Promise<string[]> {
  const folders: string[] = [];
  for await (const path of glob(pattern)) {
    if ((await stat(path)).isDirectory()) folders.push(path);
  }
  return folders;
}

async function foldersInBucket(pattern: string, connection: DatasetConnection): Promise<string[]> {
  const [, above, name = ''] = /^(s3:\/\/[^*]+)\/([^/]*\*[^/]*)\/?$/.exec(pattern) ?? [];
  if (above === undefined) {
    throw new UsageError(
      `datasets: ${pattern} has a * elsewhere than in its last part, which is not possible in a bucket.`,
    );
  }
  const parts = name.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  const fits = new RegExp(`^${parts.join('.*')}/$`);
  const bucket = openBucket({ ...connection, url: above });
  const [, , , ...prefix] = above.split('/');
  const found = await bucket.list([...prefix, ''].join('/'));
  return found.filter((entry) => fits.test(entry)).map((entry) => `${above}/${entry.slice(0, -1)}`);
}
