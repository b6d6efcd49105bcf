import type * as z from 'zod/mini';
import { JsonError, parseJson } from '../parse-json.ts';
import { Problem } from '../problem.ts';
import { checkJsonBounds } from '../request/json-bounds.ts';

/** @throws {Problem} `bad_json` where it nests too deep or holds too much, `bad_request` where it's no JSON, or other JSON than the schema's */
export function parseBody<Schema extends z.core.$ZodType>(
  bytes: Uint8Array,
  schema: Schema,
): z.output<Schema> {
  checkJsonBounds(bytes);
  try {
    return parseJson(bytes, schema, 'The request');
  } catch (cause) {
    if (cause instanceof JsonError) throw new Problem('bad_request', cause.message, { cause });
    throw cause;
  }
}
