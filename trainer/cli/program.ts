/** The commands, run with the process's own arguments. Imported by cli.ts alone. */
import { constants } from 'node:os';
import { Command } from 'commander';
import { explainFailure } from '../../node/exit-code.ts';
import catwalk from '../../package.json' with { type: 'json' };
import { addPromoteCommand, addRollbackCommand } from './alias-commands.ts';
import { addDataCommand } from './data-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addEvaluateCommand } from './evaluate-command.ts';
import { addExportCommand } from './export-command.ts';
import { addImportCommand } from './import-command.ts';
import { addModelsCommand } from './models-command.ts';
import { addPredictCommand } from './predict-command.ts';
import { addPruneCommand } from './prune-command.ts';
import { addPublishCommand } from './publish-command.ts';
import { addSweepCommand } from './sweep-command.ts';
import { addTrainCommand } from './train-command.ts';

const interruption = new AbortController();
let interruptedBy: NodeJS.Signals | undefined;
function interrupt(name: NodeJS.Signals): void {
  interruptedBy = name;
  interruption.abort(new Error(`Interrupted by ${name}.`));
}
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second one does not wait for anything.
    if (interruptedBy) process.exit(128 + constants.signals[name]);
    interrupt(name);
  });
}
// Whoever read the output is gone, as after `| head`; Node ignores the signal that ends other programs then.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (!interruptedBy) interrupt('SIGPIPE');
});

const program = new Command('catwalk')
  .description(catwalk.description)
  .version(catwalk.version)
  .configureHelp({ showGlobalOptions: false })
  // `evaluate --version` is not the program's own.
  .enablePositionalOptions()
  .exitOverride();
addDataCommand(program, interruption.signal);
addTrainCommand(program, interruption.signal);
addSweepCommand(program, interruption.signal);
addEvaluateCommand(program, interruption.signal);
addPredictCommand(program, interruption.signal);
addPublishCommand(program, interruption.signal);
addImportCommand(program, interruption.signal);
addExportCommand(program, interruption.signal);
addModelsCommand(program, interruption.signal);
addPromoteCommand(program, interruption.signal);
addRollbackCommand(program, interruption.signal);
addPruneCommand(program, interruption.signal);
addDoctorCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  if (interruptedBy) {
    process.stderr.write(`Stopped by ${interruptedBy}. What is published stays.\n`);
    process.exitCode = 128 + constants.signals[interruptedBy];
  } else {
    process.exitCode = explainFailure(error);
  }
}
