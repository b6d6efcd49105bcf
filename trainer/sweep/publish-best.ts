import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bucket } from '../registry/bucket.ts';
import { inPool } from '../registry/map-in-batches.ts';
import type { AliasMoveResult } from '../registry/move-alias.ts';
import { readSigningKey } from '../registry/signature.ts';
import { type Publication, type PublishRunOptions, publishRun } from '../run/publish.ts';
import { downloadRun } from './run-trial.ts';
import { type BestOfDataset, type Sweep, trialFolder } from './sweep-records.ts';

/** Publishes the run of a trial as a version of its model. A run that is published already is not published again. */
export async function publishTrial(
  bucket: Bucket,
  sweep: string,
  index: number,
  options: PublishRunOptions,
): Promise<Publication> {
  const { sign } = options;
  const key = sign === undefined ? undefined : await readSigningKey(sign);
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-trial-'));
  try {
    await downloadRun(trialFolder(bucket, sweep, index), folder, key);
    return await publishRun(bucket, folder, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The result of publishing the best model of a data set. */
export type DatasetPublication = {
  dataset: string;
  /** The data set's name, after which the model is named. */
  name: string;
  /** null if no trial of the data set is done. */
  trial: number | null;
} & ({ model: string; version: string; move: AliasMoveResult | null } | { error: string });

/** Models that are published at the same time. Each is in memory. */
const concurrency = 4;

/**
 * Publishes the best model of each data set under its own name. If one fails, the others are published all the same.
 *
 * @param onModel called after each data set, in the order in which they end
 * @returns one per data set, in the sweep's order
 */
export async function publishBestOfEach(
  bucket: Bucket,
  sweep: Sweep,
  bests: readonly BestOfDataset[],
  options: PublishRunOptions & { signal: AbortSignal },
  onModel: (publication: DatasetPublication) => void,
): Promise<DatasetPublication[]> {
  const { signal } = options;
  const publications = new Map<BestOfDataset, DatasetPublication>();
  await inPool(bests, concurrency, signal, async (of) => {
    const { dataset, best } = of;
    const start = { ...dataset, trial: best?.index ?? null };
    const publication = await (async (): Promise<DatasetPublication> => {
      try {
        if (!best) throw new Error('No trial has a result yet.');
        const { manifest, move } = await publishTrial(bucket, sweep.name, best.index, options);
        return { ...start, model: manifest.name, version: manifest.version, move };
      } catch (error) {
        signal.throwIfAborted();
        return { ...start, error: (error as Error).message };
      }
    })();
    publications.set(of, publication);
    onModel(publication);
  });
  return bests.map((of) => publications.get(of) as DatasetPublication);
}
