import { styleText } from 'node:util';
import { CommanderError } from 'commander';
import {
  BadConfigurationError,
  badConfigurationExitCode,
} from '../trainer/sweep/bad-configuration-error.ts';
import { UsageError } from './options.ts';

/**
 * Tells what ended a command and turns it into the exit code: 2 for wrong usage, 42 for a sweep's trial that can't be run
 * as it is configured, else 1. The stack is shown where
 * CATWALK_DEBUG is set.
 */
export function explainFailure(error: unknown): number {
  // Commander has printed its own message; --help and --version come this way with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  const label = styleText('red', 'error:', { stream: process.stderr });
  process.stderr.write(`${label} ${message}\n`);
  if (error instanceof UsageError) {
    process.stderr.write('Add --help to see every option.\n');
    return 2;
  }
  if (error instanceof BadConfigurationError) return badConfigurationExitCode;
  if (process.env.CATWALK_DEBUG && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  return 1;
}
