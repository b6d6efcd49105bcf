import type { Command } from 'commander';
import * as z from 'zod';

/** The command line is wrong; the program ends with exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * Gives a command one option for each property of a schema: `batchSize` becomes `--batch-size <n>`, with the property's
 * description and default. The placeholder is the property's `meta({ value })`; a boolean is a flag without a value.
 * A property with `meta({ argument: true })` is an argument instead, in the schema's order; `argumentsOf` reads them.
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
    // The schema applies the default, so commander only has to show it.
    const suffix = initial === undefined || initial === false ? '' : ` (default: ${initial})`;
    const described = `${property.description ?? ''}${suffix}`;
    command.option(isFlag ? flag : `${flag} ${placeholder}`, described);
    // Without a default of its own, a flag may be switched on and off.
    if (isFlag && property instanceof z.ZodOptional) {
      command.option(`--no-${flag.slice(2)}`, `do not ${property.description ?? ''}`);
    }
  }
  return command;
}

/** Gives the arguments that commander read the names that the schema has for them. */
export function argumentsOf(command: Command): Record<string, unknown> {
  return Object.fromEntries(
    command.registeredArguments.map((argument, index) => [
      argument.name(),
      argument.variadic ? command.args.slice(index) : command.args[index],
    ]),
  );
}

/**
 * Validates what commander read.
 *
 * @throws {UsageError} naming each wrong option
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

/** `[run]` may be left out, `<version>` may not; `[files...]` are any number. */
function positionalOf(name: string, property: z.ZodType): string {
  if (innermost(property) instanceof z.ZodArray) return `[${name}...]`;
  return property instanceof z.ZodOptional ? `[${name}]` : `<${name}>`;
}

const isArgument = (property: z.ZodType | undefined) => property?.meta()?.argument === true;

const labelOf = (name: string, { shape }: z.ZodObject) =>
  isArgument(shape[name] as z.ZodType | undefined) ? `<${name}>` : flagOf(name);

/** The arguments that give an option its value: `--flip`, `--no-flip` or `--batch-size=64`. */
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
