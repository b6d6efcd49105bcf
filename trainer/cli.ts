#!/usr/bin/env node
/** `npx catwalk <command>`, also `npm run catwalk -- <command>`. */
import { constants } from 'node:os';
import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import catwalk from '../package.json' with { type: 'json' };
import { addDataCommand } from './commands/data-command.ts';
import { UsageError } from './commands/schema-options.ts';
import { addTrainCommand } from './commands/train-command.ts';

const interruption = new AbortController();
let interruptedBy: NodeJS.Signals | undefined;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second one does not wait for anything.
    if (interruptedBy) process.exit(128 + constants.signals[name]);
    interruptedBy = name;
    interruption.abort(new Error(`Interrupted by ${name}.`));
  });
}

const program = new Command('catwalk')
  .description(catwalk.description)
  .version(catwalk.version)
  .configureHelp({ showGlobalOptions: false })
  .exitOverride();
addDataCommand(program, interruption.signal);
addTrainCommand(program, interruption.signal);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  if (interruptedBy) {
    process.stderr.write(`Stopped by ${interruptedBy}. What is published stays.\n`);
    return 128 + constants.signals[interruptedBy];
  }
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  const label = styleText('red', 'error:', { stream: process.stderr });
  process.stderr.write(`${label} ${message}\n`);
  if (error instanceof UsageError) {
    process.stderr.write('Add --help to see every option.\n');
    return 2;
  }
  if (process.env.CATWALK_DEBUG && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  return 1;
}
