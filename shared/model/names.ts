import * as z from 'zod/mini';

/** A model's name, in the bucket and in URLs. */
export const modelNameSchema = z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/));

/** `<UTC yyyymmddThhmmssZ>-<first 8 hex digits of the weights' SHA-256>`: sorts by time. */
export const versionSchema = z
  .string()
  .check(z.regex(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/, 'a version looks like 20261124T101500Z-3fa9c1d2'));

/** A short lower-case name, such as production or candidate. */
export const aliasNameSchema = z
  .string()
  .check(z.regex(/^[a-z][a-z0-9-]{0,31}$/, 'an alias is lower-case letters, digits and dashes'));

/** @param weightsSha256 64 hex digits */
export function versionOf(createdAt: Date, weightsSha256: string): string {
  const time = createdAt.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${time}-${weightsSha256.slice(0, 8)}`;
}
