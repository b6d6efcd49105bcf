import { isDeepStrictEqual } from 'node:util';
import type { Alias } from '../../shared/registry/manifest.ts';
import { listAliases, updateAlias } from './aliases.ts';
import type { Bucket } from './bucket.ts';
import { listStored } from './versions.ts';

export interface PruneOptions {
  /** The model's name. */
  name: string;
  /** How many of the newest versions to keep, in addition to those that an alias names. */
  keep: number;
  /** Only reports what would be deleted. */
  dryRun: boolean;
  /** Default: the current time. */
  now?: Date;
}

export interface Pruned {
  /** Deleted, oldest first. */
  versions: string[];
  /** Version names of deleted uploads that were never completed. */
  orphans: string[];
  /** Older than the newest `keep`, but kept, because an alias or its rollback names them. */
  named: string[];
  /** Number of versions that are left, including the named ones. */
  kept: number;
}

/** An upload without a manifest may still be running. After a day it is not. */
const orphanAgeMs = 24 * 60 * 60 * 1000;

/** Versions deleted at a time. Each alias lists them until they are deleted. */
const batchSize = 100;

/**
 * Deletes old versions, and incomplete uploads that are older than a day. Versions that an alias or its rollback names are
 * always kept.
 *
 * Before a version is deleted, each alias notes it with a conditional write. A publisher that read the alias before loses the
 * race, re-reads the alias, and sees that it can no longer move to this version. The next run completes one that was killed.
 *
 * @throws {RegistryError} if other publishers write an alias again and again
 * @throws {StoreError} if the bucket can't be used. Each version is then either complete or deleted
 */
export async function prune(bucket: Bucket, options: PruneOptions): Promise<Pruned> {
  const { name, keep, dryRun, now = new Date() } = options;
  const stored = await listStored(bucket, name);
  const aliases = Array.from((await listAliases(bucket, name)).values());
  const existing = stored.filter(({ exists }) => exists);
  const named = new Set(aliases.flatMap(namesOf));
  /** Noted by a run that was killed. */
  const begun = new Set(aliases.flatMap(({ pruning }) => pruning));
  const old = existing.filter(
    ({ version }, index) => index < existing.length - keep || begun.has(version),
  );
  const candidates = old.filter(({ version }) => !named.has(version));
  const orphans = stored.filter(
    ({ exists, modifiedAt }) => !exists && now.getTime() - modifiedAt.getTime() > orphanAgeMs,
  );

  const deleted = new Set<string>();
  for (let at = 0; at < candidates.length; at += batchSize) {
    const batch = candidates.slice(at, at + batchSize);
    const versions = batch.map(({ version }) => version);
    const spared = dryRun ? new Set<string>() : await noteDeletion(bucket, name, versions);
    for (const { version, keys } of batch) {
      if (spared.has(version)) continue;
      if (!dryRun) await deleteVersion(bucket, bucket.layout.manifest(name, version), keys);
      deleted.add(version);
    }
    if (!dryRun) await forgetDeletion(bucket, name, versions);
  }
  if (!dryRun) {
    for (const key of orphans.flatMap(({ keys }) => keys)) await bucket.delete(key);
    const exist = new Set(existing.map(({ version }) => version));
    const alreadyDeleted = Array.from(begun).filter((version) => !exist.has(version));
    await forgetDeletion(bucket, name, alreadyDeleted);
  }
  return {
    versions: Array.from(deleted),
    orphans: orphans.map(({ version }) => version),
    named: old.flatMap(({ version }) => (deleted.has(version) ? [] : [version])),
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

/** Deletes the manifest first: without it the version does not exist, even if the rest can't be deleted. */
async function deleteVersion(bucket: Bucket, manifest: string, keys: string[]): Promise<void> {
  await bucket.delete(manifest);
  for (const key of keys) if (key !== manifest) await bucket.delete(key);
}
