/** Reading aliases, and changing them without losing another publisher's change. */
import { hostname, userInfo } from 'node:os';
import { aliasNameSchema } from '../../shared/model/names.ts';
import {
  type Alias,
  type AliasRevision,
  aliasHistoryLength,
  aliasSchema,
} from '../../shared/registry/manifest.ts';
import type { Bucket } from './bucket.ts';
import { RegistryError, VersionNotFoundError } from './errors.ts';
import { readJson, toJsonBytes } from './read-json.ts';

/** @returns the alias and its ETag, or null if there is no such alias */
export function readAlias(bucket: Bucket, name: string, alias: string) {
  return readJson(bucket, bucket.layout.alias(name, alias), aliasSchema);
}

/**
 * Returns the version that an alias names.
 *
 * @throws {VersionNotFoundError} if there is no such alias
 */
export async function versionOfAlias(bucket: Bucket, name: string, alias: string): Promise<string> {
  const pointer = await readAlias(bucket, name, alias);
  if (pointer !== null) return pointer.value.version;
  throw new VersionNotFoundError(
    `There is no alias ${alias} of ${name} in ${bucket.url}. \`catwalk models\` lists the aliases; --model names another model.`,
  );
}

/** @returns every alias of a model by its name */
export async function listAliases(bucket: Bucket, name: string): Promise<Map<string, Alias>> {
  const aliases = new Map<string, Alias>();
  for (const file of await bucket.list(bucket.layout.aliases(name))) {
    const alias = file.replace(/\.json$/, '');
    if (!aliasNameSchema.safeParse(alias).success) continue;
    const found = await readAlias(bucket, name, alias);
    if (found) aliases.set(alias, found.value);
  }
  return aliases;
}

/** Who moves an alias, and why. */
export type AliasMover = Pick<AliasRevision, 'by' | 'reason'>;

/** @returns the alias after one more move, with this move in its history */
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
  // Always later than before, even if the clock of the other publisher is ahead: Workers refuse an older record as a replay.
  const earliest = current ? Date.parse(current.updatedAt) + 1 : 0;
  return aliasSchema.parse({
    version: move.version,
    updatedAt: new Date(Math.max(now.getTime(), earliest)).toISOString(),
    previous: move.previous,
    history: [...history, revision].slice(-aliasHistoryLength),
    pruning: current?.pruning ?? [],
  });
}

/** If several publishers race, each lost race means that another one won: so this many of them at once all succeed. */
const maxAttempts = 20;

/**
 * Reads an alias, decides, and writes it with a condition. If another publisher has written it in between, the alias is read
 * and decided on again.
 *
 * @param decide receives the alias, or null if there is none, and whether another publisher has moved it since the first
 *   reading. Returns the `next` alias, or none to leave it as it is, and the `result` to return.
 * @throws {RegistryError} if other publishers wrote the alias at every attempt
 * @throws {StoreError} if the bucket can't be used
 */
export async function updateAlias<Result>(
  bucket: Bucket,
  { name, alias }: { name: string; alias: string },
  decide: (current: Alias | null, overtaken: boolean) => Promise<{ next?: Alias; result: Result }>,
): Promise<Result> {
  const options = { contentType: 'application/json', cacheControl: 'no-cache' };
  const key = bucket.layout.alias(name, alias);
  let first: Alias | null = null;
  let etag: string | undefined;
  /** Refused writes although the alias is as it was read: no other publisher explains them. */
  let unchanged = 0;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const found = await readAlias(bucket, name, alias);
    const current = found?.value ?? null;
    if (attempt === 0) first = current;
    else if (found?.etag === etag) unchanged++;
    etag = found?.etag;
    const { next, result } = await decide(current, !isSameMove(first, current));
    if (next === undefined) return result;
    const written = found
      ? await bucket.put(key, toJsonBytes(next), { ...options, ifMatch: found.etag })
      : await bucket.putIfAbsent(key, toJsonBytes(next), options);
    if (written) return result;
  }
  if (unchanged === maxAttempts - 1) {
    throw new RegistryError(
      `${bucket.url} refused to write alias ${alias} of ${name} ${maxAttempts} times, although nobody else changed it${etag?.startsWith('W/') ? `: its ETag ${etag} is weak, which a proxy may have done. Use the store's own endpoint` : ''}. \`catwalk doctor --publish ${bucket.url}\` checks its conditional writes.`,
    );
  }
  throw new RegistryError(
    `Alias ${alias} of ${name} was written by other publishers ${maxAttempts} times in a row, and was left as it is. Try again when they have finished.`,
  );
}

/** Ignores the versions that are noted as being deleted. */
const isSameMove = (a: Alias | null, b: Alias | null): boolean =>
  a?.version === b?.version && a?.updatedAt === b?.updatedAt;

/**
 * Whether this move is in the alias's history. If the answer to a successful write is lost, the write is repeated and refused,
 * because the alias has changed.
 */
export const hasMove = (
  { history }: Alias,
  { version, by }: Pick<AliasRevision, 'version' | 'by'>,
  now: Date,
): boolean =>
  history.some(
    (revision) =>
      revision.version === version && revision.by === by && revision.at === now.toISOString(),
  );

/** @returns who runs this program, such as `ada@laptop`, for an alias's history */
export function userAtHost(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run with a user id that has no name.
    return hostname();
  }
}
