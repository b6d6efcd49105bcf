import type { Command } from 'commander';
import * as z from 'zod';

/** The command line is invalid. */
export class UsageError extends Error {
  override name = 'UsageError';
  readonly exitCode = 2;
}

/** Gives an option its placeholder in `--help`, such as `<n>`, and its description. */
export const option = <Schema extends z.ZodType>(
  value: string,
  description: string,
  schema: Schema,
): Schema => schema.meta({ value, description });

/** Makes a property a positional argument instead of an option. */
export const argument = <Schema extends z.ZodType>(description: string, schema: Schema): Schema =>
  schema.meta({ argument: true, description });

/** A flag, which is off by default. */
export const flag = (description: string) => z.boolean().default(false).meta({ description });

/** A value that is not empty. */
export const text = z.string().min(1);

/** An integer of at least 1. */
export const count = z.coerce.number().int().min(1);

/**
 * Adds one option to a command for each property of a schema: `batchSize` becomes `--batch-size <n>`. A boolean becomes a
 * flag without a value.
 */
export function addSchemaOptions(command: Command, schema: z.ZodObject): Command {
  for (const [name, property] of Object.entries(schema.shape) as [string, z.ZodType][]) {
    if (isArgument(property)) {
      command.argument(positionalOf(name, property), property.description);
      continue;
    }
    const flag = flagOf(name);
    const isFlag = innermost(property) instanceof z.ZodBoolean;
    const placeholder = property.meta()?.value ?? '<value>';
    const initial = property instanceof z.ZodDefault ? property.def.defaultValue : undefined;
    // The schema applies the default. Commander only shows it.
    const suffix = initial === undefined || initial === false ? '' : ` (default: ${initial})`;
    const described = `${property.description ?? ''}${suffix}`;
    command.option(isFlag ? flag : `${flag} ${placeholder}`, described);
    // A flag without a default can be switched on and off.
    if (isFlag && property instanceof z.ZodOptional) {
      command.option(
        `--no-${flag.slice(2)}`,
        `do not ${property.description ?? ''}`.replace(/ \(default:.*/, ''),
      );
    }
  }
  return command;
}

/** Returns the positional arguments that commander parsed, by their names in the schema. */
export function argumentsOf(command: Command): Record<string, unknown> {
  return Object.fromEntries(
    command.registeredArguments.map((argument, index) => [
      argument.name(),
      argument.variadic ? command.args.slice(index) : command.args[index],
    ]),
  );
}

/**
 * Validates the options that commander parsed.
 *
 * @throws {UsageError} if any is invalid; the message names each
 */
export function parseSchemaOptions<Schema extends z.ZodObject>(
  schema: Schema,
  options: Record<string, unknown>,
): z.output<Schema> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path, message }) => `${labelOf(String(path[0]), schema)}: ${message}`,
  );
  throw new UsageError(problems.join('\n'));
}

/** Returns `[run]` if the argument is optional, `<version>` if it is required, `[files...]` if it is a list. */
function positionalOf(name: string, property: z.ZodType): string {
  if (innermost(property) instanceof z.ZodArray) return `[${name}...]`;
  return property instanceof z.ZodOptional ? `[${name}]` : `<${name}>`;
}

const isArgument = (property: z.ZodType | undefined) => property?.meta()?.argument === true;

const labelOf = (name: string, { shape }: z.ZodObject) =>
  isArgument(shape[name] as z.ZodType | undefined) ? `<${name}>` : flagOf(name);

/** Returns the argument that sets an option: `--flip`, `--no-flip` or `--batch-size=64`. */
export function argumentOf(name: string, value: unknown): string {
  if (typeof value !== 'boolean') return `${flagOf(name)}=${String(value)}`;
  return value ? flagOf(name) : flagOf(name).replace('--', '--no-');
}

/** `batchSize` -> `--batch-size` */
export const flagOf = (name: string) =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function innermost(property: z.ZodType): z.ZodType {
  const wrapped = property instanceof z.ZodDefault || property instanceof z.ZodOptional;
  return wrapped ? innermost(property.unwrap() as z.ZodType) : property;
}
