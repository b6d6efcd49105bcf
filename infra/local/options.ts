import { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, argumentOf, parseSchemaOptions } from '../../node/options.ts';
import { trainingOptionsSchema } from '../../trainer/run/options.ts';

const startOptionsSchema = z.object({
  port: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8787)
    .describe('port of the Worker; 0 for any free port')
    .meta({ value: '<port>' }),
  persistTo: z
    .string()
    .min(1)
    .default('.wrangler/state')
    .describe('folder of the local bucket')
    .meta({ value: '<folder>' }),
  retrain: z.boolean().default(false).describe('train even if a model is published'),
});

export type StartOptions = z.output<typeof startOptionsSchema> & {
  /** The value of `--dataset`, as for `catwalk train`. */
  dataset: string;
  /** The arguments to pass on to `catwalk train`. */
  trainerArguments: string[];
};

/**
 * Parses the arguments of `npm start`.
 *
 * @param argv without node and the script
 * @throws {CommanderError} after `--help`, or if an option is unknown; commander has printed the text
 * @throws {UsageError} with every invalid option
 */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description('Serves the model. Trains and publishes one first if none is published yet.')
    .allowExcessArguments(false)
    .exitOverride();
  addSchemaOptions(command, startOptionsSchema);
  addSchemaOptions(command.optionsGroup('Training:'), trainingOptionsSchema);
  const raw = command.parse(argv, { from: 'user' }).opts();
  // Validates the training options before anything starts, and passes them on unchanged.
  const { dataset } = parseSchemaOptions(trainingOptionsSchema, raw);
  const trainerArguments = Object.keys(trainingOptionsSchema.shape)
    .filter((name) => raw[name] !== undefined)
    .map((name) => argumentOf(name, raw[name]));
  return { ...parseSchemaOptions(startOptionsSchema, raw), dataset, trainerArguments };
}
