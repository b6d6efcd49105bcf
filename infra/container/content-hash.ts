import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runProgram } from '../process/run-program.ts';

const repository = resolve(import.meta.dirname, '../..');

/** Everything that the container and its test are made of. */
const ingredients = [
  ...['trainer', 'edge', 'shared', 'node', 'infra', 'test/container'],
  ...['package.json', 'package-lock.json', 'wrangler.jsonc', '.dockerignore'],
];

/** A hash of the container's ingredients as they are in this checkout, committed or not. */
export async function hashContainerIngredients(): Promise<string> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--'];
  const output = await runProgram('git', ['-C', repository, ...list, ...ingredients]);
  const hash = createHash('sha256');
  for (const file of output.split('\0').filter(Boolean).toSorted()) {
    // A file that is deleted but still tracked counts as absent.
    const bytes = await readFile(join(repository, file)).catch(() => null);
    if (bytes) hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}
