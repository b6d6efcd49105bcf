import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';

export const repository = resolve(import.meta.dirname, '../..');

const manifest = createRequire(import.meta.url).resolve('wrangler/package.json');
export const wrangler = join(dirname(manifest), 'bin/wrangler.js');
export const trainer = join(repository, 'trainer/cli.ts');

/** A program that a deployment needs has failed; the message has the end of what it said. */
export class CommandFailedError extends Error {
  override name = 'CommandFailedError';
  readonly output: string;

  constructor(command: string, output: string) {
    super(`${command} failed:\n${output.trim()}`);
    this.output = output;
  }
}

/**
 * Runs a script of this repository's with Node, and reads what it prints.
 *
 * @param show passes everything on to this terminal, too
 * @throws {CommandFailedError} where it exits with another code than 0
 */
export async function runCommand(
  script: string,
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  { show = false } = {},
): Promise<string> {
  const child = spawn(process.execPath, [script, ...argv], {
    cwd: repository,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let output = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    output += chunk;
    if (show) process.stdout.write(chunk);
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
    if (show) process.stderr.write(chunk);
  });
  const [code] = await once(child, 'close');
  if (code === 0) return stdout;
  const name = script === wrangler ? 'wrangler' : 'catwalk';
  throw new CommandFailedError(`${name} ${argv.slice(0, 3).join(' ')}`, output.slice(-4_000));
}

/** A first deployment's name and certificate take a while to be known everywhere. */
const limitMs = 180_000;
const pollMs = 1_000;
const requestMs = 10_000;

const readySchema = z.object({
  status: z.literal('ready'),
  model: z.object({ version: z.string() }),
  failure: z.object({ detail: z.string() }).nullable(),
});
const problemSchema = z.object({ code: z.string(), detail: z.string() });

export type Readiness =
  /** It serves this version; `failure` says why not the one that the alias names. */
  | { state: 'ready'; version: string; failure: string | null }
  /** It answers, but no model is published. */
  | { state: 'no-model' };

/**
 * Asks a Worker's /readyz until it has an answer.
 *
 * @throws {Error} that has the last answer, where there is none within three minutes
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
        const { model, failure } = ready.data;
        return { state: 'ready', version: model.version, failure: failure?.detail ?? null };
      }
      if (problemSchema.safeParse(body).data?.code === 'no_model') return { state: 'no-model' };
    } catch (error) {
      if (error instanceof TypeError) last = String((error.cause as Error)?.message ?? error);
    }
    await wait(pollMs);
  }
  throw new Error(
    `The Worker is deployed, but ${url}/readyz does not answer as it should. The last: ${last}`,
  );
}
