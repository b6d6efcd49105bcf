import { styleText } from 'node:util';
import { CommanderError } from 'commander';
import { UsageError } from './options.ts';
import { printText } from './text.ts';

/**
 * Prints why a command failed and returns its exit code: the error's own `exitCode` if it has one, otherwise 1.
 * CATWALK_DEBUG adds the stack trace.
 */
export function explainFailure(error: unknown): number {
  // Commander has already printed its message. --help and --version end here with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  const label = styleText('red', 'error:', { stream: process.stderr });
  printText(process.stderr, `${label} ${message}\n`);
  if (error instanceof UsageError) {
    process.stderr.write('Run it again with --help to list all options.\n');
  } else if (process.env.CATWALK_DEBUG && error instanceof Error) {
    printText(process.stderr, `${error.stack}\n`);
  }
  const { exitCode } = Object(error) as { exitCode?: unknown };
  return typeof exitCode === 'number' ? exitCode : 1;
}
