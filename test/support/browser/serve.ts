import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startLocalWorker } from '../../../infra/local/worker.ts';
import { explainSkip, hasChromium } from './chromium.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');

/** Trains a small model for real and publishes it. @param env that opens the bucket */
export async function trainAndPublish(
  env: Record<string, string>,
  runs: string,
  ...options: string[]
): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      cli,
      'train',
      '--publish',
      's3://catwalk',
      '--runs',
      runs,
      '--backend',
      'wasm',
      '--limit',
      '1000',
      ...options,
    ],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`The training ended with code ${code}.`);
}

/** One Worker with one trained model for all tests of the page. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  explainSkip();
  if (!hasChromium) return async () => {};
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-browser-'));
  const worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state') });
  await trainAndPublish(worker.env, join(folder, 'runs'), '--epochs', '1');
  project.provide('worker', { url: worker.url, env: worker.env });
  return async () => {
    await worker.stop();
    await rm(folder, { recursive: true });
  };
}
