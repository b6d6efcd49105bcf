import type * as z from 'zod/mini';
import { ModelError } from '../errors.ts';
import { parseJson } from '../json.ts';

/**
 * The schemas of what publishers write. They are evaluated where something is read first, not by the start of the script, of
 * which they would be two thirds.
 */
export const publishedSchemas = () => import('../../shared/registry/manifest.ts');

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

/** @returns 64 hex digits */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
