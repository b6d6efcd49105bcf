import { copyFile, mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = fileURLToPath(new URL('../../edge/page/', import.meta.url));
const target = fileURLToPath(new URL('../../edge/page/build/', import.meta.url));

/** Files that are copied unchanged. Workers static assets read `_headers`. */
const copied = ['index.html', 'icon.svg', '_headers'];

/** The files that the page's TensorFlow.js fetches if it runs on WebAssembly. */
const wasmFiles = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm'];
/** The kernels that isolate garments, the same in the page as in the Worker. */
const decoders = fileURLToPath(
  new URL('../../shared/kernels/build/decoders.wasm', import.meta.url),
);

/**
 * Bundles the page into edge/page/build, the directory of static assets in wrangler.jsonc. Scripts that the first load does not
 * need are separate chunks, named by their content, that are fetched on demand. The kernels must be built before.
 */
export async function buildPage(): Promise<void> {
  const backend = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  await rm(join(target, 'chunks'), { recursive: true, force: true });
  await mkdir(join(target, 'wasm'), { recursive: true });
  await build({
    entryPoints: ['page.ts', 'docs.ts', 'page.css'].map((file) => source + file),
    outdir: target,
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    // TensorFlow.js imports these in branches for Node.
    external: 'fs path worker_threads perf_hooks os util string_decoder crypto'.split(' '),
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  });
  await Promise.all([
    ...copied.map((file) => copyFile(source + file, target + file)),
    ...wasmFiles.map((file) => copyFile(join(dirname(backend), file), join(target, 'wasm', file))),
    copyFile(decoders, join(target, 'wasm/decoders.wasm')),
  ]);
}
