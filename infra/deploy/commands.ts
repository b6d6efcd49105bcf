import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { type RunProgramOptions, runProgram } from '../process/run-program.ts';

export const repository = resolve(import.meta.dirname, '../..');

const scripts = {
  wrangler: join(
    dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
    'bin/wrangler.js',
  ),
  catwalk: join(repository, 'trainer/cli.ts'),
};

/**
 * Runs a command of wrangler or of the trainer.
 *
 * @returns its standard output
 * @throws {StepError} if it exits with another code than 0
 */
export const runCommand = (
  name: keyof typeof scripts,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  options: RunProgramOptions = {},
): Promise<string> =>
  runProgram(process.execPath, [scripts[name], ...argv], {
    ...options,
    cwd: repository,
    environment,
    name: `${name} ${argv.slice(0, 3).join(' ')}`,
  });

/** The name and certificate of a first deployment take a while to propagate. */
const limitMs = 180_000;
const pollMs = 1_000;
const requestMs = 10_000;

const readySchema = z.object({
  status: z.literal('ready'),
  model: z.object({ version: z.string() }),
  degraded: z.boolean(),
  failure: z.object({ detail: z.string() }).nullable(),
});
const problemSchema = z.object({ code: z.string(), detail: z.string() });

export type Readiness =
  /** The Worker serves this version. `failure` is the reason if the alias names another one, or the snapshot answers. */
  | { state: 'ready'; version: string; failure: string | null; isSnapshot: boolean }
  /** The Worker answers, but no model is published. */
  | { state: 'no-model' };

/**
 * Polls a Worker's /readyz until it reports its state.
 *
 * @throws {Error} with the last answer, after three minutes
 */
export async function waitUntilReady(url: string): Promise<Readiness> {
  const end = Date.now() + limitMs;
  let last = 'no answer';
  while (Date.now() < end) {
    try {
      const response = await fetch(new URL('/readyz', url), {
        signal: AbortSignal.timeout(requestMs),
      });
      const text = await response.text();
      last = `${response.status}: ${text.slice(0, 500)}`;
      const body: unknown = JSON.parse(text);
      const ready = readySchema.safeParse(body);
      if (response.ok && ready.success) {
        const { model, failure, degraded } = ready.data;
        const { version } = model;
        return { state: 'ready', version, failure: failure?.detail ?? null, isSnapshot: degraded };
      }
      if (problemSchema.safeParse(body).data?.code === 'no_model') return { state: 'no-model' };
    } catch (error) {
      if (error instanceof TypeError) last = String((error.cause as Error)?.message ?? error);
    }
    await wait(pollMs);
  }
  throw new Error(
    `The Worker is deployed, but ${url}/readyz does not report its state. The last answer: ${last}`,
  );
}
