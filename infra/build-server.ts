/** Builds build/server: all files of the Worker's container. infra/worker/Dockerfile runs it after the build. */
import { globSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { unstable_readConfig } from 'wrangler';
import { repository, runCommand } from './deploy/commands.ts';
import { readPageFiles } from './worker/page-files.ts';
import { serverConfig } from './worker/write-config.ts';

const target = join(repository, 'build/server');
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });

// Readable stacks are worth more here than a small script.
const bundling = ['deploy', 'edge/container.ts', '--dry-run', '--env=', '--minify=false'];
await runCommand('wrangler', [...bundling, `--outdir=${target}`], {
  ...process.env,
  CI: 'true',
  WRANGLER_SEND_METRICS: 'false',
});
const { compatibility_date: compatibilityDate = '', assets } = unstable_readConfig(
  { config: join(repository, 'wrangler.jsonc') },
  { hideWarnings: true },
);
for (const file of globSync(['*.map', 'README.md'], { cwd: target })) await rm(join(target, file));
const page = assets?.directory ?? '';
const pageFiles = await readPageFiles(page);
for (const { file } of pageFiles) await cp(join(page, file), join(target, 'page', file));
const modules = ['container.js', ...globSync('*.wasm', { cwd: target })];
const config = serverConfig({ modules, pageFiles, compatibilityDate });
await writeFile(join(target, 'worker.capnp'), config);

const wrangler = createRequire(import.meta.url).resolve('wrangler/package.json');
const { default: workerd } = createRequire(wrangler)('workerd') as { default: string };
await copyFile(workerd, join(target, 'workerd'));
for (const script of ['serve', 'check-health']) {
  await copyFile(join(import.meta.dirname, 'worker', script), join(target, script));
}
for (const program of ['workerd', 'serve', 'check-health'])
  await chmod(join(target, program), 0o755);
