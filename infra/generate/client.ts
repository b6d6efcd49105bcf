import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles `catwalk/client` into build/client, with its types beside it. Node does not run TypeScript below node_modules. */
export async function buildClient(): Promise<void> {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  await Promise.all([
    build({
      entryPoints: [join(root, 'edge/client.ts')],
      outfile: join(root, 'build/client/edge/client.js'),
      bundle: true,
      format: 'esm',
      target: 'es2022',
      logLevel: 'warning',
    }),
    promisify(execFile)(process.execPath, [
      join(dirname(typescript), 'bin/tsc'),
      '-p',
      join(root, 'infra/client.tsconfig.json'),
    ]),
  ]);
}
