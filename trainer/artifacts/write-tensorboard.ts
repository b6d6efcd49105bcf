import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from '../dataset/write-atomically.ts';
import type { RunFolder } from '../run/run-folder.ts';
import { tensorboardEvents } from './tensorboard-events.ts';

/**
 * Writes the newest epoch into a run's `tensorboard/`, and the earlier ones where they are missing: a file an epoch, so
 * that each is whole, that one measured again replaces its own, and that a TensorBoard that is running takes them up.
 */
export async function writeTensorboard({
  path,
  epochs,
}: Pick<RunFolder, 'path' | 'epochs'>): Promise<void> {
  const now = Date.now() / 1000;
  const newest = epochs.at(-1);
  for (const line of epochs) {
    const name = `events.out.tfevents.${String(line.epoch).padStart(5, '0')}`;
    const file = join(path, 'tensorboard', name);
    if (line !== newest && existsSync(file)) continue;
    const wallTime = now - ((newest?.seconds ?? 0) - line.seconds);
    await writeAtomically(file, tensorboardEvents(line, wallTime));
  }
}
