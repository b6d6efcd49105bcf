import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { evaluationFile } from '../../shared/evaluation.ts';
import { writeAtomically } from '../dataset/write-atomically.ts';
import type { Bucket } from '../publish/bucket.ts';

/** What of a run's folder a trial keeps in the bucket, under run/: enough to publish it, and to go on with it elsewhere. */
const runFiles = [
  ...['config.json', 'metrics.jsonl'],
  ...['model/model.json', 'model/weights.bin', `model/${evaluationFile}`],
];

/** Keeps a run after each epoch; called before the epoch's checkpoint, which must not be ahead of the best weights. */
export async function uploadRun(
  bucket: Bucket,
  sweep: string,
  index: number,
  folder: string,
): Promise<void> {
  for (const file of runFiles) {
    const bytes = await readFile(join(folder, file)).catch((error: NodeJS.ErrnoException) => {
      // Not every model has an evaluation.
      if (error.code === 'ENOENT' && file.endsWith(evaluationFile)) return null;
      throw error;
    });
    if (bytes === null) continue;
    await bucket.put(bucket.layout.trialFile(sweep, index, `run/${file}`), bytes, {
      contentType: file.endsWith('.bin') ? 'application/octet-stream' : 'application/json',
      cacheControl: 'no-cache',
    });
  }
}

/** Brings a trial's run to a machine that has none of it; files that are there stay. */
export async function downloadRun(
  bucket: Bucket,
  sweep: string,
  index: number,
  folder: string,
): Promise<void> {
  const isThere = await access(join(folder, 'config.json')).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  // config.json last: where it is, the others are.
  for (const file of runFiles.toReversed()) {
    const stored = await bucket.get(bucket.layout.trialFile(sweep, index, `run/${file}`));
    if (stored) await writeAtomically(join(folder, file), stored.bytes);
  }
}
