import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runProgram } from '../process/run-program.ts';

const repository = resolve(import.meta.dirname, '../..');

/** Everything that the images and their test depend on. */
const ingredients =
  'trainer edge shared node infra test/container package.json package-lock.json wrangler.jsonc .dockerignore';

/** Returns a hash of the images' ingredients in this checkout, committed or not. */
export async function hashContainerIngredients(): Promise<string> {
  const list = 'ls-files -z --cached --others --exclude-standard --'.split(' ');
  const output = await runProgram('git', ['-C', repository, ...list, ...ingredients.split(' ')]);
  const hash = createHash('sha256');
  for (const file of output.split('\0').filter(Boolean).toSorted()) {
    // Skips files that are tracked but deleted.
    const bytes = await readFile(join(repository, file)).catch(() => null);
    if (bytes) hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}
