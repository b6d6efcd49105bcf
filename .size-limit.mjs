/** The sizes that `npm run check` allows the Worker's bundle and the page. */
import { readFileSync } from 'node:fs';

const page = 'edge/page/build';
const worker = 'build/worker';

const read = (file) => readFileSync(file, 'utf8');

/** Lists the bundled script and the WebAssembly modules beside it. Modules of older bundles may lie there too. */
function workerFiles() {
  const modules = read(`${worker}/index.js`).matchAll(/"\.\/([\w-]+\.wasm)"/g);
  return ['index.js', ...Array.from(modules, ([, name]) => name)];
}

/** Lists a script and the scripts that it imports statically, directly or not. */
function withStaticImports(file, files = new Set()) {
  if (files.has(file)) return files;
  files.add(file);
  for (const [, path] of read(`${page}/${file}`).matchAll(
    /(?:from|import)\s*"\.\/([\w/-]+\.js)"/g,
  )) {
    withStaticImports(file.startsWith('chunks/') ? `chunks/${path}` : path, files);
  }
  return files;
}

export default [
  {
    name: 'Worker, compressed with gzip',
    path: workerFiles().map((file) => `${worker}/${file}`),
    gzip: true,
    limit: '250 kB',
  },
  {
    name: 'First load of the page: HTML, CSS and scripts, uncompressed',
    path: ['index.html', 'page.css', ...withStaticImports('page.js')].map(
      (file) => `${page}/${file}`,
    ),
    brotli: false,
    limit: '60 kB',
  },
];
