import * as z from 'zod';
import type { Bucket } from './bucket.ts';

/** An object is there, but is not what its key promises. */
export class InvalidObjectError extends Error {
  override name = 'InvalidObjectError';
  readonly key: string;

  constructor(key: string, cause: unknown) {
    const reason = cause instanceof z.ZodError ? `\n${z.prettifyError(cause)}` : ` ${cause}`;
    super(`${key} in the bucket is invalid:${reason}`, { cause });
    this.key = key;
  }
}

/**
 * @returns the checked value, the bytes it was read from and their ETag, or null where the object is absent
 * @throws {InvalidObjectError} where the object is no JSON or does not fit the schema
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

/** JSON as it is stored: indented, since people read it too. */
export const toJsonBytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
