import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = fileURLToPath(new URL('../edge/page/', import.meta.url));
const target = fileURLToPath(new URL('../edge/page/build/', import.meta.url));

/** Served as they are; `_headers` is read by Workers static assets. */
const copied = ['index.html', 'page.css', 'icon.svg', '_headers'];

/** Bundles the page into edge/page/build, the directory of static assets in wrangler.toml. */
export async function buildPage(): Promise<void> {
  await mkdir(target, { recursive: true });
  await build({
    entryPoints: [`${source}page.ts`],
    outfile: `${target}page.js`,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    logLevel: 'warning',
  });
  await Promise.all(copied.map((file) => copyFile(source + file, target + file)));
}
