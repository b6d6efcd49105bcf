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
    .describe('port of the Worker; 0 takes any free one')
    .meta({ value: '<port>' }),
  persistTo: z
    .string()
    .min(1)
    .default('.wrangler/state')
    .describe('where the local bucket is kept')
    .meta({ value: '<folder>' }),
  retrain: z.boolean().default(false).describe('train even if a model is published'),
});

export type StartOptions = z.output<typeof startOptionsSchema> & {
  /** What `catwalk train --dataset` takes. */
  dataset: string;
  /** For `catwalk train`, as it takes them. */
  trainerArguments: string[];
};

/**
 * Reads the arguments of `npm start`. `--help` prints them and ends the process.
 *
 * @param argv without node and the script
 * @throws {CommanderError} where commander has printed what is wrong
 * @throws {UsageError} naming each wrong value
 */
export function parseStartOptions(argv: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description('Serves the model, and first trains one where none is published yet.')
    .allowExcessArguments(false)
    .exitOverride();
  addSchemaOptions(command, startOptionsSchema);
  addSchemaOptions(command.optionsGroup('Training:'), trainingOptionsSchema);
  const raw = command.parse(argv, { from: 'user' }).opts();
  // Validated here too, so that a wrong value is told before anything starts; passed on as it was given.
  const { dataset } = parseSchemaOptions(trainingOptionsSchema, raw);
  const trainerArguments = Object.keys(trainingOptionsSchema.shape)
    .filter((name) => raw[name] !== undefined)
    .map((name) => argumentOf(name, raw[name]));
  return { ...parseSchemaOptions(startOptionsSchema, raw), dataset, trainerArguments };
}
