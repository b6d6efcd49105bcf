/** Checks that a store honours the conditions of writes, without which publishers lose each other's moves. */
import type { PutOptions } from '../../shared/registry/object-store.ts';
import type { Bucket } from './bucket.ts';
import { RegistryError } from './errors.ts';

/** An ETag that no object has. */
const staleEtag = '0'.repeat(32);

/** An object that exists, with its content. */
export interface StoredFile {
  key: string;
  bytes: Uint8Array;
  options: PutOptions;
}

/**
 * Writes objects that exist again, with conditions that do not hold. A store that ignores them writes the same bytes.
 *
 * @param toMove another object than `toCreate`, if there is one: some stores accept one write a second of each
 * @returns what the store should have refused; empty if it honours conditions
 */
export async function ignoredConditions(
  bucket: Bucket,
  toCreate: StoredFile,
  toMove: StoredFile = toCreate,
): Promise<string[]> {
  const created = await bucket.putIfAbsent(toCreate.key, toCreate.bytes, toCreate.options);
  const moved = await bucket.put(toMove.key, toMove.bytes, {
    ...toMove.options,
    ifMatch: staleEtag,
  });
  return [
    ...(created ? ['created an object that exists (If-None-Match)'] : []),
    ...(moved ? ['replaced an object that had another ETag (If-Match)'] : []),
  ];
}

/** The buckets whose stores have been found to honour conditions: one check in a process is enough. */
const safe = new WeakSet<Bucket>();
/** A larger object is not sent again for a check. */
const maxCheckedBytes = 2 ** 20;

/**
 * Refuses a store that ignores conditions, unless the bucket was opened with `allowUnsafeStore`. Sends no request if this
 * bucket has been checked before.
 *
 * @param files at least one object that exists; the check writes the smallest two
 * @throws {RegistryError}
 */
export async function requireConditions(
  bucket: Bucket,
  files: readonly StoredFile[],
): Promise<void> {
  if (bucket.allowsUnsafeStore || safe.has(bucket)) return;
  const [toCreate, other] = files.toSorted((a, b) => a.bytes.byteLength - b.bytes.byteLength);
  if (!toCreate) throw new RangeError('There is no object to check conditional writes with.');
  const isSmall = other && other.bytes.byteLength <= maxCheckedBytes;
  const ignored = await ignoredConditions(bucket, toCreate, isSmall ? other : toCreate);
  if (ignored.length === 0) return void safe.add(bucket);
  throw new RegistryError(
    `The store of ${bucket.url} ignores the conditions of writes: it ${ignored.join(', and ')}. Publishers could overwrite each other's versions and aliases. Use a store that honours them, such as AWS S3, R2 or MinIO. With --allow-unsafe-store it is used nevertheless: run one publisher at a time.`,
  );
}
