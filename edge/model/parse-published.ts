import type * as z from 'zod/mini';
import { parseJson } from '../parse-json.ts';
import { ModelError } from './model-error.ts';

/**
 * Reads JSON that a publisher wrote.
 *
 * @param what names it in errors
 * @throws {ModelError} `bad_model` where it's no JSON, or other JSON than the schema's
 */
export function parsePublished<Schema extends z.core.$ZodType>(
  bytes: Uint8Array,
  schema: Schema,
  what: string,
): z.output<Schema> {
  try {
    return parseJson(bytes, schema, what);
  } catch (cause) {
    throw new ModelError('bad_model', (cause as Error).message, { cause });
  }
}
