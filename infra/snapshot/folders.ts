import { globSync } from 'node:fs';
import { cp, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '../..');

/** The starter model and its test images. */
export const committedSnapshot = join(repository, 'edge/snapshot');

/** The snapshot among the static assets, which is deployed. */
const builtSnapshot = join(repository, 'edge/page/build/snapshot');

/**
 * Copies a snapshot to the static assets, unless it is there already: a Worker that runs on this machine serves them.
 *
 * @param from (default: the starter model)
 */
export async function buildSnapshot(from = committedSnapshot): Promise<void> {
  if ((await describe(from)) === (await describe(builtSnapshot))) return;
  await rm(builtSnapshot, { recursive: true, force: true });
  await cp(from, builtSnapshot, { recursive: true, filter: (path) => !path.endsWith('.md') });
}

/** Returns the names and the content of the files. */
async function describe(folder: string): Promise<string> {
  const files = globSync('{models,datasets}/**/*.*', { cwd: folder }).toSorted();
  const contents = files.map(
    async (file) => `${file} ${await readFile(join(folder, file), 'base64')}`,
  );
  return (await Promise.all(contents)).join('\n');
}
