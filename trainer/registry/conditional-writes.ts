/** Checks that a store honours the conditions of writes, without which publishers lose each other's moves. */
import type { PutOptions } from '../../shared/registry/object-store.ts';
import type { Bucket } from './bucket.ts';
import { RegistryError } from './errors.ts';

/** An ETag that no object has. */
const staleEtag = '0'.repeat(32);

/**
 * Writes an object that exists again, with conditions that do not hold. A store that ignores them writes the same bytes.
 *
 * @param bytes the object's content
 * @returns what the store should have refused; empty if it honours conditions
 */
export async function ignoredConditions(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  options: PutOptions,
): Promise<string[]> {
  const created = await bucket.putIfAbsent(key, bytes, options);
  const moved = await bucket.put(key, bytes, { ...options, ifMatch: staleEtag });
  return [
    ...(created ? ['created an object that exists (If-None-Match)'] : []),
    ...(moved ? ['replaced an object that had another ETag (If-Match)'] : []),
  ];
}

/**
 * Refuses a store that ignores conditions, unless the bucket was opened with `allowUnsafeStore`.
 *
 * @param bytes the content of the object, which exists
 * @throws {RegistryError}
 */
export async function requireConditions(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  options: PutOptions,
): Promise<void> {
  if (bucket.allowsUnsafeStore) return;
  const ignored = await ignoredConditions(bucket, key, bytes, options);
  if (ignored.length === 0) return;
  throw new RegistryError(
    `The store of ${bucket.url} ignores the conditions of writes: it ${ignored.join(', and ')}. Publishers could overwrite each other's versions and aliases. Use a store that honours them, such as AWS S3, R2 or MinIO. With --allow-unsafe-store it is used nevertheless: run one publisher at a time.`,
  );
}
