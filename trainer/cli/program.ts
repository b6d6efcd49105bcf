import { constants } from 'node:os';
import { Command as Commander } from 'commander';
import { explainFailure } from '../../node/exit-code.ts';
import { printProgress } from '../../node/text.ts';
import catwalk from '../../package.json' with { type: 'json' };
import { promote, rollback } from './alias-commands.ts';
import { addCommand, type Command } from './command.ts';
import { data } from './data-command.ts';
import { doctor } from './doctor-command.ts';
import { evaluate } from './evaluate-command.ts';
import { exportCommand } from './export-command.ts';
import { importRun } from './import-command.ts';
import { models } from './models-command.ts';
import { predict } from './predict-command.ts';
import { prune } from './prune-command.ts';
import { publish } from './publish-command.ts';
import { sweep } from './sweep-command.ts';
import { train } from './train-command.ts';

/** In the order of `--help`. A new command is one file and its entry here. */
const commands: readonly Command[] = [
  data,
  train,
  sweep,
  evaluate,
  predict,
  publish,
  importRun,
  exportCommand,
  models,
  promote,
  rollback,
  prune,
  doctor,
];

/** How long a command that has failed may take to end. */
const exitLimitMs = 1_000;

/** Runs the command that the process arguments name, and sets the exit code. */
export async function runProgram(): Promise<void> {
  const interruption = new AbortController();
  let interruptedBy: NodeJS.Signals | undefined;
  const interrupt = (name: NodeJS.Signals) => {
    interruptedBy = name;
    interruption.abort(new Error(`Interrupted by ${name}.`));
  };
  // A closed terminal sends SIGHUP.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      // A second signal ends the process immediately.
      if (interruptedBy) process.exit(128 + constants.signals[name]);
      interrupt(name);
    });
  }
  // The reader of the output has closed it, as `| head` does. Node ignores SIGPIPE, which ends other programs here.
  let isOutputLost = false;
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') {
      if (!interruptedBy) interrupt('SIGPIPE');
      return;
    }
    // Such as a log on a full disk: a training is worth more than its log.
    if (!isOutputLost) {
      printProgress(
        `error: The output can't be written: ${message}. The command continues without.`,
      );
    }
    isOutputLost = true;
  });
  // There is no place left to report to.
  process.stderr.on('error', () => {});

  const program = new Commander('catwalk')
    .description(catwalk.description)
    .version(catwalk.version)
    .configureHelp({ showGlobalOptions: false })
    // Keeps the program's --version apart from that of `evaluate --version <version>`.
    .enablePositionalOptions()
    .exitOverride();
  for (const command of commands) addCommand(program, command, interruption.signal);
  try {
    await program.parseAsync();
    if (isOutputLost) process.exitCode ??= 1;
  } catch (error) {
    if (interruptedBy) {
      process.stderr.write(`Stopped by ${interruptedBy}. Published versions are kept.\n`);
      process.exitCode = 128 + constants.signals[interruptedBy];
    } else {
      process.exitCode = explainFailure(error);
    }
    // A failed request may leave a timer or a socket, which must not keep the process. A clean one ends before this.
    setTimeout(() => process.exit(), exitLimitMs).unref();
  }
}
