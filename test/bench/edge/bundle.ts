import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** A Worker's modules by name; the first is the one that is run. */
export type Bundle = Map<string, Uint8Array<ArrayBuffer>>;

const repository = join(import.meta.dirname, '../../..');

/** @returns the Worker as `wrangler deploy` uploads it */
export async function bundleProduction(folder: string): Promise<Bundle> {
  const manifest = createRequire(import.meta.url).resolve('wrangler/package.json');
  await promisify(execFile)(
    process.execPath,
    [join(dirname(manifest), 'bin/wrangler.js'), 'deploy', '--dry-run', '--outdir', folder],
    { cwd: repository, env: { ...process.env, CI: 'true', WRANGLER_SEND_METRICS: 'false' } },
  );
  return readBundle(folder, 'index.js');
}

/** @returns the Worker of workers/`name`.ts, bundled as wrangler does it */
export async function bundleWorker(name: string, folder: string): Promise<Bundle> {
  await build({
    entryPoints: [join(import.meta.dirname, `workers/${name}.ts`)],
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['cloudflare:*', 'node:*'],
    // Workers have a `process` too, by which the peers' scripts would take workerd for Node.
    define: { 'process.versions.node': 'undefined' },
    loader: { '.wasm': 'copy' },
    logLevel: 'error',
  });
  return readBundle(folder, `${name}.js`);
}

async function readBundle(folder: string, main: string): Promise<Bundle> {
  const files = [main, ...globSync('*.wasm', { cwd: folder })];
  return new Map(
    await Promise.all(
      files.map(
        async (file) =>
          [basename(file), new Uint8Array(await readFile(join(folder, file)))] as const,
      ),
    ),
  );
}

/** The size of all modules of a Worker. */
export function sizeOf(bundle: Bundle) {
  const sizes = Array.from(bundle.values(), (module) => ({
    bytes: module.length,
    gzipBytes: gzipSync(module).length,
  }));
  const sum = (of: 'bytes' | 'gzipBytes') => sizes.reduce((total, size) => total + size[of], 0);
  return { bytes: sum('bytes'), gzipBytes: sum('gzipBytes') };
}
