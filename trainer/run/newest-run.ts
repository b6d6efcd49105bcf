import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from './read-run.ts';

/**
 * The run that started last, of those that have a model.
 *
 * @param runs the folder of all runs
 * @throws {RunError} where there is none
 */
export async function newestRun(runs: string): Promise<string> {
  const names = await readdir(runs).catch(() => []);
  const newest = names
    .toSorted()
    .findLast((name) => existsSync(join(runs, name, 'model/model.json')));
  if (newest !== undefined) return join(runs, newest);
  throw new RunError(
    `There is no run in ${runs} yet. \`catwalk train\` makes one; name a run's folder where it is elsewhere.`,
  );
}
