import type { Command } from 'commander';
import * as z from 'zod';

/** The command line is wrong; the program ends with exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * Gives a command one option for each property of a schema: `batchSize` becomes `--batch-size <n>`, with the property's
 * description and default. The placeholder is the property's `meta({ value })`; a boolean is a flag without a value.
 */
export function addSchemaOptions(command: Command, schema: z.ZodObject): Command {
  for (const [name, property] of Object.entries(schema.shape) as [string, z.ZodType][]) {
    const flag = flagOf(name);
    const isFlag = innermost(property) instanceof z.ZodBoolean;
    const placeholder = property.meta()?.value ?? '<value>';
    const initial = property instanceof z.ZodDefault ? property.def.defaultValue : undefined;
    // The schema applies the default, so commander only has to show it.
    const suffix = initial === undefined || initial === false ? '' : ` (default: ${initial})`;
    command.option(
      isFlag ? flag : `${flag} ${placeholder}`,
      `${property.description ?? ''}${suffix}`,
    );
  }
  return command;
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
    ({ path, message }) => `${flagOf(String(path[0]))}: ${message}`,
  );
  throw new UsageError(problems.join('\n'));
}

/** `batchSize` -> `--batch-size` */
export const flagOf = (name: string) =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function innermost(property: z.ZodType): z.ZodType {
  const wrapped = property instanceof z.ZodDefault || property instanceof z.ZodOptional;
  return wrapped ? innermost(property.unwrap() as z.ZodType) : property;
}
