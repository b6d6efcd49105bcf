import { isDeepStrictEqual } from 'node:util';
import type { Alias } from '../../shared/registry/manifest.ts';
import { listAliases, updateAlias } from './aliases.ts';
import type { Bucket } from './bucket.ts';
import { listStored, type StoredVersion } from './versions.ts';

export interface PruneOptions {
  /** The model's name. */
  name: string;
  /** How many of the newest versions to keep, in addition to those that an alias names. */
  keep: number;
  /** Only reports what would be deleted. */
  dryRun: boolean;
  /** Default: the current time, by the store's clock. */
  now?: Date;
}

export interface Pruned {
  /** Deleted, oldest first. */
  versions: string[];
  /** Version names of deleted uploads that were never completed. */
  orphans: string[];
  /** Older than the newest `keep`, but kept, because an alias or its rollback names them. */
  named: string[];
  /** Older than the newest `keep`, but kept, because they were published in the last day. */
  recent: string[];
  /** Number of versions that are left, including the named ones. */
  kept: number;
}

/** An upload without a manifest may still be running, and a version may be about to get its alias. After a day they are not. */
const minAgeMs = 24 * 60 * 60 * 1000;

/** Versions deleted at a time. Each alias lists them until they are deleted: 30 kB, and two writes. */
const batchSize = 1000;

/**
 * Deletes old versions, and incomplete uploads. Versions that an alias or its rollback names, and those of the last day, are
 * always kept. Ages and order are by the store's clock, because a publisher's may be wrong.
 *
 * Before a version is deleted, each alias notes it with a conditional write. A publisher that read the alias before loses the
 * race, re-reads the alias, and sees that it can no longer move to this version. The next run completes one that was killed.
 *
 * @throws {RegistryError} if other publishers write an alias again and again
 * @throws {StoreError} if the bucket can't be used. Each version is then either complete or deleted
 */
export async function prune(bucket: Bucket, options: PruneOptions): Promise<Pruned> {
  const { name, keep, dryRun } = options;
  const stored = await listStored(bucket, name);
  const now = options.now ?? bucket.now();
  const isRecent = (written: Date) => now.getTime() - written.getTime() <= minAgeMs;
  const aliases = Array.from((await listAliases(bucket, name)).values());
  const existing = stored
    .flatMap(({ publishedAt, ...version }) => (publishedAt ? [{ ...version, publishedAt }] : []))
    .toSorted((a, b) => a.publishedAt.getTime() - b.publishedAt.getTime());
  const named = new Set(aliases.flatMap(namesOf));
  /** Noted by a run that was killed. */
  const begun = new Set(aliases.flatMap(({ pruning }) => pruning));
  const old = existing.filter(
    ({ version }, index) => index < existing.length - keep || begun.has(version),
  );
  const unnamed = old.filter(({ version }) => !named.has(version));
  const candidates = unnamed.filter(({ publishedAt }) => !isRecent(publishedAt));
  const orphans = stored.filter(
    ({ publishedAt, modifiedAt }) => publishedAt === null && !isRecent(modifiedAt),
  );

  const deleted = new Set<string>();
  for (let at = 0; at < candidates.length; at += batchSize) {
    const batch = candidates.slice(at, at + batchSize);
    const versions = batch.map(({ version }) => version);
    const spared = dryRun ? new Set<string>() : await noteDeletion(bucket, name, versions);
    const doomed = batch.filter(({ version }) => !spared.has(version));
    if (!dryRun) await deleteVersions(bucket, name, doomed);
    for (const { version } of doomed) deleted.add(version);
    if (!dryRun) await forgetDeletion(bucket, name, versions);
  }
  if (!dryRun) {
    await bucket.deleteAll(orphans.flatMap(({ keys }) => keys));
    const exist = new Set(existing.map(({ version }) => version));
    const alreadyDeleted = Array.from(begun).filter((version) => !exist.has(version));
    await forgetDeletion(bucket, name, alreadyDeleted);
  }
  const recent = unnamed.filter(({ publishedAt }) => isRecent(publishedAt));
  return {
    versions: candidates.flatMap(({ version }) => (deleted.has(version) ? [version] : [])),
    orphans: orphans.map(({ version }) => version),
    named: old.flatMap(({ version }) =>
      deleted.has(version) || recent.some((other) => other.version === version) ? [] : [version],
    ),
    recent: recent.map(({ version }) => version),
    kept: existing.length - deleted.size,
  };
}

const namesOf = ({ version, previous }: Alias): string[] =>
  previous === null ? [version] : [version, previous];

/** @returns versions that an alias names by now: they must be kept */
async function noteDeletion(bucket: Bucket, name: string, versions: readonly string[]) {
  const notes = await updatePruning(bucket, name, (alias) => {
    const names = namesOf(alias);
    return [...alias.pruning, ...versions.filter((version) => !names.includes(version))];
  });
  return new Set(notes.flatMap(namesOf));
}

const forgetDeletion = (bucket: Bucket, name: string, versions: readonly string[]) =>
  updatePruning(bucket, name, ({ pruning }) =>
    pruning.filter((version) => !versions.includes(version)),
  );

/** Changes which versions each alias notes as being deleted. */
async function updatePruning(
  bucket: Bucket,
  name: string,
  change: (alias: Alias) => string[],
): Promise<Alias[]> {
  const updated: Alias[] = [];
  for (const alias of (await listAliases(bucket, name)).keys()) {
    const value = await updateAlias<Alias | null>(bucket, { name, alias }, async (current) => {
      if (current === null) return { result: null };
      const pruning = Array.from(new Set(change(current)));
      if (isDeepStrictEqual(pruning, current.pruning)) return { result: current };
      const next = { ...current, pruning };
      return { next, result: next };
    });
    if (value) updated.push(value);
  }
  return updated;
}

/** Deletes the manifests first: without them the versions do not exist, even if the rest can't be deleted. */
async function deleteVersions(bucket: Bucket, name: string, versions: readonly StoredVersion[]) {
  const manifests = versions.map(({ version }) => bucket.layout.manifest(name, version));
  await bucket.deleteAll(manifests);
  const deleted = new Set(manifests);
  await bucket.deleteAll(versions.flatMap(({ keys }) => keys.filter((key) => !deleted.has(key))));
}
