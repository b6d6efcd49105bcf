import { execFile } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import catwalk from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = join(root, 'build/package');

/** The files that the programs read beside the scripts. `npm run build` generates it first. */
const copied = ['shared/kernels/build', 'edge/tensorflow/build'];

/**
 * Builds the package that `npm pack` packs: `catwalk/trainer`, `catwalk/worker`, `catwalk/client` and the command, as JavaScript
 * with declarations, because Node runs no TypeScript below node_modules. Files have the same places in build/package as in the
 * repository, so they find each other in the same way.
 *
 * @throws {Error} with the compiler's messages
 */
export async function buildPackage(): Promise<void> {
  await rm(target, { recursive: true, force: true });
  // One after the other: both write shared/.
  for (const part of ['trainer', 'edge']) await compile(`infra/package/${part}.tsconfig.json`);
  for (const folder of copied) {
    await mkdir(join(target, folder), { recursive: true });
    await cp(join(root, folder), join(target, folder), {
      recursive: true,
      filter: (path) => !/\.(ts|map)$/.test(path),
    });
  }
  // The programs import their version and description from it, and TensorFlow.js by its `imports`.
  const { name, version, description, type, imports } = catwalk;
  const manifest = { name, version, description, type, imports };
  await writeFile(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function compile(project: string): Promise<void> {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json');
  const program = join(dirname(typescript), 'bin/tsc');
  try {
    await promisify(execFile)(process.execPath, [program, '-p', project], { cwd: root });
  } catch (cause) {
    throw new Error(`${project} does not compile:\n${(cause as { stdout: string }).stdout}`, {
      cause,
    });
  }
}
