import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';

const start = join(import.meta.dirname, '../../infra/start.ts');

const modelSchema = z.object({
  manifest: z.object({ version: z.string(), metrics: z.object({ accuracy: z.number() }) }),
});

/** The first prediction of the finished model of an `npm start`. */
export interface StartResult {
  /** Of the model that is served in the end, on the test images. */
  accuracy: number;
  /** From the command to the prediction. */
  minutes: number;
}

/**
 * Runs `npm start` with an empty bucket until the last model that it publishes answers.
 *
 * @param cache the folder for fetched files, converted images and features
 * @throws {Error} if it ends before
 */
export async function timeStart(flags: readonly string[], cache: string): Promise<StartResult> {
  const state = await mkdtemp(join(tmpdir(), 'catwalk-bench-start-'));
  const begin = performance.now();
  const argv = [start, '--port', '0', '--persist-to', state, ...flags];
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    const { url, version } = await servedBy(child);
    await (await fetch(`${url}/predict?index=0`)).json();
    const read = async () => modelSchema.parse(await (await fetch(`${url}/model`)).json());
    let { manifest } = await read();
    while (manifest.version !== version) {
      await wait(100);
      await (await fetch(`${url}/predict?index=0`)).json();
      ({ manifest } = await read());
    }
    const minutes = (performance.now() - begin) / 60_000;
    return { accuracy: manifest.metrics.accuracy, minutes };
  } finally {
    child.kill('SIGTERM');
    await closed;
    await rm(state, { recursive: true });
  }
}

/** Waits until the training is over. @returns where the Worker listens, and the last version that was published */
async function servedBy({ stdout }: ChildProcess): Promise<{ url: string; version: string }> {
  let version = '';
  if (!stdout) throw new Error('npm start has no output.');
  const lines = createInterface(stdout);
  for await (const line of lines) {
    version = /Published (\S+);/.exec(line)?.[1] ?? version;
    const url = /serves at (http\S+)/.exec(line)?.[1];
    if (url) return { url: url.replace('localhost', '127.0.0.1'), version };
  }
  throw new Error('npm start ended before it served a model.');
}
