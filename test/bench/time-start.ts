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
  /** From the command to the prediction; to the last epoch's test, if an earlier epoch's model stays. */
  minutes: number;
}

/**
 * Runs `npm start` with an empty bucket until the last model that it publishes answers. The report is drawn after that.
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
    const { accuracy, end } = await lastAnswer(child);
    return { accuracy, minutes: (end - begin) / 60_000 };
  } finally {
    child.kill('SIGTERM');
    await closed;
    await rm(state, { recursive: true });
  }
}

/** Asks for a prediction whenever a model is published, until the training is over. */
async function lastAnswer({ stdout }: ChildProcess): Promise<{ accuracy: number; end: number }> {
  if (!stdout) throw new Error('npm start has no output.');
  let url = '';
  let tested = 0;
  let answer = Promise.resolve({ accuracy: 0, end: 0 });
  for await (const line of createInterface(stdout)) {
    url ||= /Worker at (http\S+)/.exec(line)?.[1]?.replace('localhost', '127.0.0.1') ?? '';
    if (line.includes('Test: accuracy')) tested = performance.now();
    const version = /Published (\S+);/.exec(line)?.[1];
    if (version !== undefined) {
      answer = answerOf(version, url);
      // Awaited at the end.
      answer.catch(() => {});
    }
    if (!line.includes('serves at http')) continue;
    const { accuracy, end } = await answer;
    return { accuracy, end: Math.max(tested, end) };
  }
  throw new Error('npm start ended before it served a model.');
}

/** Waits until a version answers. */
async function answerOf(version: string, url: string): Promise<{ accuracy: number; end: number }> {
  for (;;) {
    await (await fetch(`${url}/predict?index=0`)).json();
    const { manifest } = modelSchema.parse(await (await fetch(`${url}/model`)).json());
    const end = performance.now();
    if (manifest.version === version) return { accuracy: manifest.metrics.accuracy, end };
    await wait(100);
  }
}
