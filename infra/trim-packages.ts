/** `npm ci` runs this last: removes the files of packages that nothing here reads, some 350 MB. */
import { globSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '..');

const unread = [
  // Source maps of TensorFlow.js.
  'node_modules/@tensorflow/**/*.map',
  // Headers of Node. The native backend is compiled with those of node-api-headers.
  'node_modules/node-*/include',
  // Binaryen's programs. AssemblyScript imports its library.
  'node_modules/binaryen/bin',
];

for (const path of globSync(unread, { cwd: repository })) {
  rmSync(join(repository, path), { recursive: true, force: true });
}
