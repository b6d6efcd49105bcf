import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A failed step of a build, set-up or deployment. The message says what to do. */
export class StepError extends Error {
  override name = 'StepError';
  /** The standard output and standard error of the step's program. */
  readonly output: string;

  constructor(message: string, output = '', options?: ErrorOptions) {
    super(message, options);
    this.output = output;
  }
}

export interface RunProgramOptions {
  /** Advice for the user if the program fails or is missing. */
  advice?: string;
  cwd?: string;
  /** (default: this process's environment) */
  environment?: NodeJS.ProcessEnv;
  /** Also writes the output to this terminal (default: false). */
  show?: boolean;
  /** The program's name in errors (default: the program). */
  name?: string;
}

/** The number of lines of output that an error contains. */
const maxErrorLines = 30;

/**
 * Runs a program and waits for its end.
 *
 * @returns its standard output
 * @throws {StepError} if the program does not start, or exits with another code than 0
 */
export async function runProgram(
  program: string,
  programArguments: readonly string[],
  { advice = '', cwd, environment, show = false, name = program }: RunProgramOptions = {},
): Promise<string> {
  const child = spawn(program, programArguments, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    env: environment ?? process.env,
  });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
    if (show) process.stdout.write(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (show) process.stderr.write(text);
  });
  try {
    const [code] = await once(child, 'close');
    if (code === 0) return stdout;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new StepError(`${name} does not start: ${reason}\n${advice}`.trim(), '', { cause });
  }
  const lastLines = output.trim().split('\n').slice(-maxErrorLines).join('\n');
  throw new StepError(`${name} failed:\n${lastLines}\n${advice}`.trim(), output);
}
