import type { Command as Commander } from 'commander';
import type * as z from 'zod';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from '../../node/options.ts';

/** A command of `catwalk`. Its options, help and validation follow from one schema. */
export interface Command<Schema extends z.ZodObject = z.ZodObject> {
  name: string;
  description: string;
  options: Schema;
  /** Options that the environment sets. The command line overrides them. */
  environmentOptions?: () => Record<string, string>;
  /** Imports slow modules itself, so that `--help` and usage errors stay fast. */
  run(options: z.output<Schema>, context: CommandContext): Promise<void>;
  subcommands?: readonly Command[];
}

export interface CommandContext {
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP. */
  signal: AbortSignal;
  /** The options before validation, without defaults. */
  given: Record<string, unknown>;
}

/** Returns the command as it is; infers the type of its options from the schema. */
export const defineCommand = <Schema extends z.ZodObject>(command: Command<Schema>): Command =>
  command;

/** Adds a command and its subcommands to the program. */
export function addCommand(
  parent: Commander,
  { name, description, options, environmentOptions, run, subcommands = [] }: Command,
  signal: AbortSignal,
): void {
  const command = parent.command(name).description(description);
  addSchemaOptions(command, options).action(async () => {
    const given = {
      ...environmentOptions?.(),
      // Commander assigns an option that precedes a subcommand's name to the parent command.
      ...command.optsWithGlobals(),
      ...argumentsOf(command),
    };
    await run(parseSchemaOptions(options, given), { signal, given });
  });
  for (const subcommand of subcommands) addCommand(command, subcommand, signal);
}
