import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A step of the set-up failed; the message says what to do. */
export class SetupError extends Error {
  override name = 'SetupError';
}

/**
 * Runs a program and waits for its end.
 *
 * @param advice what to do where it fails or is missing
 * @returns what it wrote to standard output
 * @throws {SetupError} with the program's own last words
 */
export async function runProgram(
  program: string,
  programArguments: readonly string[],
  { advice, cwd }: { advice: string; cwd?: string },
): Promise<string> {
  const child = spawn(program, programArguments, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  try {
    const [code] = await once(child, 'close');
    if (code === 0) return output;
  } catch (error) {
    throw new SetupError(`${program} does not start: ${(error as Error).message}\n${advice}`, {
      cause: error,
    });
  }
  const lastLines = [output, errors].flatMap((text) => text.trimEnd().split('\n').slice(-15));
  throw new SetupError(`${program} failed:\n${lastLines.join('\n').trim()}\n${advice}`);
}
