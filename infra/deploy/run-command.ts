import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

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
