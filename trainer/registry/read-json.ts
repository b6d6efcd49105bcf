import * as z from 'zod';
import type { Bucket } from './bucket.ts';

/** An object exists, but breaks its schema. */
export class InvalidObjectError extends Error {
  override name = 'InvalidObjectError';

  constructor(key: string, cause: unknown) {
    const reason = cause instanceof z.ZodError ? `\n${z.prettifyError(cause)}` : ` ${cause}`;
    super(`${key} in the bucket is invalid:${reason}`, { cause });
  }
}

/**
 * Reads a JSON object and checks it against a schema.
 *
 * @returns the value, the bytes it was read from and their ETag, or null if the object is absent
 * @throws {InvalidObjectError} if the object is not JSON or breaks the schema
 */
export async function readJson<Schema extends z.core.$ZodType>(
  bucket: Bucket,
  key: string,
  schema: Schema,
): Promise<{ value: z.infer<Schema>; bytes: Uint8Array; etag: string } | null> {
  const stored = await bucket.get(key);
  if (stored === null) return null;
  try {
    const value = z.parse(schema, JSON.parse(new TextDecoder().decode(stored.bytes)));
    return { value, ...stored };
  } catch (cause) {
    throw new InvalidObjectError(key, cause);
  }
}

/** Encodes JSON as it is stored: indented, because people read it too. */
export const toJsonBytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
