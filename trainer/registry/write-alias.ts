import { hostname, userInfo } from 'node:os';
import {
  type Alias,
  type AliasRevision,
  aliasHistoryLength,
  aliasSchema,
} from '../../shared/registry/manifest.ts';
import type { Bucket } from './bucket.ts';
import { ConditionFailedError } from './bucket-errors.ts';
import { toJsonBytes } from './read-json.ts';

/** An alias as it was read, and the ETag that it had then; null where there is none. */
export type AliasFound = { value: Alias; etag: string } | null;

/** Who moves an alias, and why. */
export type AliasMover = Pick<AliasRevision, 'by' | 'reason'>;

/** @returns the alias after one more move, its history with it */
export function nextAlias(
  current: Alias | null,
  move: Omit<AliasRevision, 'revision' | 'from' | 'at'>,
  now: Date,
): Alias {
  const history = current?.history ?? [];
  const revision: AliasRevision = {
    revision: (history.at(-1)?.revision ?? 0) + 1,
    from: current?.version ?? null,
    at: now.toISOString(),
    ...move,
  };
  return aliasSchema.parse({
    version: move.version,
    updatedAt: revision.at,
    previous: move.previous,
    history: [...history, revision].slice(-aliasHistoryLength),
    pruning: current?.pruning ?? [],
  });
}

/**
 * Writes an alias where it still is what was found.
 *
 * @returns whether it was written; if not, another publisher was there first
 */
export async function writeAlias(
  bucket: Bucket,
  { name, alias }: { name: string; alias: string },
  found: AliasFound,
  next: Alias,
): Promise<boolean> {
  try {
    await bucket.put(bucket.layout.alias(name, alias), toJsonBytes(next), {
      contentType: 'application/json',
      cacheControl: 'no-cache',
      ...(found ? { ifMatch: found.etag } : { ifNoneMatch: '*' }),
    });
    return true;
  } catch (error) {
    if (error instanceof ConditionFailedError) return false;
    throw error;
  }
}

/** Whether an alias is what it was, apart from notes of versions that are being deleted. */
export const sameMove = (a: Alias | null, b: Alias | null): boolean =>
  a?.version === b?.version && a?.updatedAt === b?.updatedAt;

/**
 * Whether this move is one of the alias's. A write that was done but whose answer was lost is sent again, and refused since
 * it was done.
 */
export const hasMove = (
  alias: Alias | null,
  { version, by }: Pick<AliasRevision, 'version' | 'by'>,
  now: Date,
): alias is Alias =>
  alias?.history.some(
    (revision) =>
      revision.version === version && revision.by === by && revision.at === now.toISOString(),
  ) ?? false;

/** Who runs this program, such as `ada@laptop`, for an alias's history. */
export function userAtHost(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run under a number that no user has.
    return hostname();
  }
}
