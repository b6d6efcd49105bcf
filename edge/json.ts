import * as z from 'zod/mini';
import english from 'zod/v4/locales/en.js';

/** Faults in one message. */
const maxIssues = 5;

/**
 * Parses JSON from outside the Worker and checks it against a schema.
 *
 * @param what identifies the JSON in errors
 * @throws {JsonError} if the bytes are not JSON in UTF-8, or break the schema. The message lists up to five faults with their positions
 */
export function parseJson<Schema extends z.core.$ZodType>(
  bytes: Uint8Array,
  schema: Schema,
  what: string,
): z.output<Schema> {
  const value = parse(bytes, what);
  const result = z.safeParse(schema, value, { error: inEnglish });
  if (result.success) return result.data;
  const { issues } = result.error;
  const listed = z.prettifyError({ ...result.error, issues: issues.slice(0, maxIssues) });
  const more = issues.length > maxIssues ? `\n… and ${issues.length - maxIssues} more` : '';
  throw new JsonError(`${what} is invalid:\n${listed}${more}`, { cause: result.error });
}

function parse(bytes: Uint8Array, what: string): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch (cause) {
    throw new JsonError(`${what} is not JSON: it is not UTF-8.`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new JsonError(`${what} is not JSON: ${cause}.`, { cause });
  }
}

export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/** zod/mini has no messages of its own. The English ones are created when there is an error to report. */
export const inEnglish: z.core.$ZodErrorMap = (issue) => english().localeError(issue);
