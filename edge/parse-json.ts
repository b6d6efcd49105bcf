import * as z from 'zod/mini';
import english from 'zod/v4/locales/en.js';

/**
 * Reads JSON that came from outside, and checks it.
 *
 * @param what names it in errors
 * @throws {JsonError} where it is no JSON in UTF-8, or other JSON than the schema's; its message says what is wrong and where
 */
export function parseJson<Schema extends z.core.$ZodType>(
  bytes: Uint8Array,
  schema: Schema,
  what: string,
): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new JsonError(`${what} is not JSON: ${cause}.`, { cause });
  }
  const result = z.safeParse(schema, value, { error: inEnglish });
  if (result.success) return result.data;
  throw new JsonError(`${what} is wrong:\n${z.prettifyError(result.error)}`, {
    cause: result.error,
  });
}

export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/** zod/mini has no words of its own for what is wrong; these are brought where something is. */
export const inEnglish: z.core.$ZodErrorMap = (issue) => english().localeError(issue);
