import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../../infra/process/run-program.ts';

const folder = join(import.meta.dirname, 'workers');
const lockfile = (name: string) => readFile(join(folder, name), 'utf8').catch(() => '');

/**
 * Installs the packages of workers/package.json, which only this benchmark needs. Does nothing if they are installed.
 *
 * @throws {StepError} if npm can't install them
 */
export async function installPeers(progress: (line: string) => void): Promise<void> {
  const installed = await lockfile('node_modules/.package-lock.json');
  const { packages } = JSON.parse(await lockfile('package-lock.json'));
  const isInstalled = Object.entries(packages as Record<string, { integrity?: string }>).every(
    ([, { integrity }]) => integrity === undefined || installed.includes(integrity),
  );
  if (isInstalled) return;
  progress('installing the peers, some 140 MB');
  await runProgram('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    advice: 'Let npm reach its registry.',
  });
}
