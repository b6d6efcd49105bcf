/** `npm run test:container [-- --force]`: builds the container images and tests them, unless the same ones have passed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { writeAtomically } from '../node/files.ts';
import { containerCache } from './container/buildah.ts';
import { hashContainerIngredients } from './container/content-hash.ts';

const repository = resolve(import.meta.dirname, '..');
const passedFile = join(containerCache, 'passed');
const hash = await hashContainerIngredients();
const isForced = process.argv.slice(2).includes('--force');

if (!isForced && (await readFile(passedFile, 'utf8').catch(() => '')) === hash) {
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
