import type * as z from 'zod/mini';
import { ModelError } from '../errors.ts';
import { parseJson } from '../json.ts';

/** Loads the schemas of published objects at the first read, because they would be two thirds of the script's start-up time. */
export const publishedSchemas = () => import('../../shared/registry/manifest.ts');

/**
 * Parses published JSON and checks it against its schema.
 *
 * @param what names the object in errors
 * @throws {ModelError} `bad_model` if it is not JSON or breaks the schema
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
