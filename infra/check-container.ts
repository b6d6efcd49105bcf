/** `npm run test:container [-- --force]`: builds the container images and tests them, unless the same ones have passed. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { writeAtomically } from '../node/files.ts';
import { containerCache } from './container/buildah.ts';
import { runProgram } from './process/run-program.ts';

const repository = resolve(import.meta.dirname, '..');
/** Everything that the images and their test depend on. */
const ingredients =
  'trainer edge shared node infra test/container package.json package-lock.json wrangler.jsonc .dockerignore';

const passedFile = join(containerCache, 'passed');
const hash = await hashContainerIngredients();
const { force } = new Command('npm run test:container --')
  .description(
    'Builds the container images and tests them. Does nothing if the same images have passed on this machine.',
  )
  .option('--force', 'test the images even if they have passed')
  .parse()
  .opts<{ force?: true }>();

if (!force && (await readFile(passedFile, 'utf8').catch(() => '')) === hash) {
  console.log(
    'The container test is skipped: nothing that the images contain has changed since it passed on this machine. Run it with -- --force.',
  );
} else {
  const vitest = join(
    dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
    'vitest.mjs',
  );
  const config = join(repository, 'test/container/vitest.config.ts');
  const child = spawn(process.execPath, [vitest, 'run', '--config', config], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
  if (code === 0) await writeAtomically(passedFile, new TextEncoder().encode(hash));
}

/** Returns a hash of the images' ingredients in this checkout, committed or not. */
async function hashContainerIngredients(): Promise<string> {
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
