import { Command, InvalidArgumentError, Option } from 'commander';

export interface StartOptions {
  port: number;
  persistTo: string;
  retrain: boolean;
  /** For `catwalk train`, as it takes them. */
  trainerArguments: string[];
}

/**
 * Reads the arguments of `npm start`. `--help` and wrong usage print and end the process with 0 and 2, as the trainer's do.
 *
 * @param argv without node and the script
 */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description(
      'Serves the model at http://localhost:8787, and first trains one where none is published yet.',
    )
    .option('--port <port>', 'port of the Worker; 0 takes any free one', toPort, 8787)
    .option('--persist-to <folder>', 'where the local bucket is kept', '.wrangler/state')
    .option('--retrain', 'train even if a model is published')
    .optionsGroup('Training, as in `npm run catwalk -- train --help`:')
    .option('--epochs <n>', 'passes over the training images', toCount, 5)
    .option('--seed <n>', 'decides initial weights, order and dropout', toInteger)
    .addOption(
      new Option('--backend <backend>', 'TensorFlow.js backend').choices(['auto', 'wasm', 'cpu']),
    )
    .option('--threads <n>', 'worker threads', toCount)
    .option('--limit <n>', 'train on the first n images only', toCount)
    .option('--data-dir <folder>', 'take the data set from here')
    .option('--force', 'serve the new model even if it is worse')
    .helpOption('--help', 'show this')
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  const options = command.parse(argv, { from: 'user' }).opts();
  const { port, persistTo, retrain, ...training } = options;
  return { port, persistTo, retrain: retrain === true, trainerArguments: toArguments(training) };
}

function toArguments(options: Record<string, string | number | boolean | undefined>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined) return [];
    return value === true ? [flag] : [flag, String(value)];
  });
}

function toInteger(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function toCount(text: string): number {
  const count = toInteger(text);
  if (count < 1) throw new InvalidArgumentError('It must be 1 or more.');
  return count;
}

function toPort(text: string): number {
  const port = toInteger(text);
  if (port < 0 || port > 65535) throw new InvalidArgumentError('A port is 0 to 65535.');
  return port;
}
