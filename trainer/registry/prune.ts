import { isDeepStrictEqual } from 'node:util';
import type { Alias } from '../../shared/registry/manifest.ts';
import type { Bucket } from './bucket.ts';
import { listAliases, listStored, readAlias } from './versions.ts';
import { writeAlias } from './write-alias.ts';

export interface PruneOptions {
  /** The model's name. */
  name: string;
  /** How many of the newest versions stay, whether an alias names them or not. */
  keep: number;
  /** Only says what would be deleted. */
  dryRun: boolean;
  /** The present unless told. */
  now?: Date;
}

export interface Pruned {
  /** Deleted, oldest first. */
  versions: string[];
  /** Names of uploads that never became a version, cleared. */
  orphans: string[];
  /** Older than the newest `keep`, but named by an alias or where its rollback goes. */
  named: string[];
  /** Versions that stay, the named ones among them. */
  kept: number;
}

/** An upload without a manifest may still be under way; after a day it is not. */
const orphanAgeMs = 24 * 60 * 60 * 1000;

/** Versions deleted at a time: each alias holds the names for as long as that takes. */
const batchSize = 100;

/**
 * Deletes old versions, and what is left of uploads that were cut short more than a day ago. What an alias names, or a
 * rollback of it would, always stays.
 *
 * Before anything is deleted, each alias takes note of the versions that will be, by a conditional write. A publisher who
 * read the alias before that loses the race for it, reads it again, and sees that these versions are no longer to be had.
 *
 * A prune that was killed is finished by the next one.
 *
 * @throws {PruneContendedError} where an alias is moved by others again and again
 * @throws {BucketError} where the bucket can't be used; a version is then whole or does not exist
 */
export async function prune(bucket: Bucket, options: PruneOptions): Promise<Pruned> {
  const { name, keep, dryRun, now = new Date() } = options;
  const stored = await listStored(bucket, name);
  const aliases = Array.from((await listAliases(bucket, name)).values());
  const existing = stored.filter(({ exists }) => exists);
  const named = new Set(aliases.flatMap(namesOf));
  const begun = new Set(aliases.flatMap(({ pruning }) => pruning));
  const old = existing.filter(
    ({ version }, index) => index < existing.length - keep || begun.has(version),
  );
  const doomed = old.filter(({ version }) => !named.has(version));
  const orphans = stored.filter(
    ({ exists, modifiedAt }) => !exists && now.getTime() - modifiedAt.getTime() > orphanAgeMs,
  );

  const deleted = new Set<string>();
  for (let at = 0; at < doomed.length; at += batchSize) {
    const batch = doomed.slice(at, at + batchSize);
    const spared = dryRun ? new Set<string>() : await condemn(bucket, name, batch);
    for (const { version, keys } of batch) {
      if (spared.has(version)) continue;
      if (!dryRun) await deleteVersion(bucket, bucket.layout.manifest(name, version), keys);
      deleted.add(version);
    }
    if (!dryRun) await release(bucket, name, batch);
  }
  if (!dryRun) {
    for (const { keys } of orphans) for (const key of keys) await bucket.delete(key);
    // Noted by a prune that was killed after it had deleted them.
    const exist = new Set(existing.map(({ version }) => version));
    const left = Array.from(begun).filter((version) => !exist.has(version));
    await release(
      bucket,
      name,
      left.map((version) => ({ version })),
    );
  }
  return {
    versions: Array.from(deleted),
    orphans: orphans.map(({ version }) => version),
    named: old.flatMap(({ version }) => (deleted.has(version) ? [] : [version])),
    kept: existing.length - deleted.size,
  };
}

/** Others moved an alias each time that it was to be written. */
export class PruneContendedError extends Error {
  override name = 'PruneContendedError';
}

const namesOf = ({ version, previous }: Alias): string[] =>
  previous === null ? [version] : [version, previous];

/** @returns those that an alias has come to name since they were chosen: they stay */
async function condemn(bucket: Bucket, name: string, batch: { version: string }[]) {
  const spared = new Set<string>();
  for (const alias of (await listAliases(bucket, name)).keys()) {
    const noted = await note(bucket, { name, alias }, (value) => {
      const names = new Set(namesOf(value));
      const added = batch.flatMap(({ version }) => (names.has(version) ? [] : [version]));
      return Array.from(new Set([...value.pruning, ...added]));
    });
    for (const version of noted ? namesOf(noted) : []) spared.add(version);
  }
  return spared;
}

async function release(bucket: Bucket, name: string, batch: { version: string }[]): Promise<void> {
  const done = new Set(batch.map(({ version }) => version));
  for (const alias of (await listAliases(bucket, name)).keys()) {
    await note(bucket, { name, alias }, ({ pruning }) =>
      pruning.filter((version) => !done.has(version)),
    );
  }
}

const attempts = 20;

/** Writes into an alias which versions are being deleted, where they are other ones than it says. */
async function note(
  bucket: Bucket,
  at: { name: string; alias: string },
  change: (alias: Alias) => string[],
): Promise<Alias | null> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await readAlias(bucket, at.name, at.alias);
    if (found === null) return null;
    const pruning = change(found.value);
    if (isDeepStrictEqual(pruning, found.value.pruning)) return found.value;
    const next = { ...found.value, pruning };
    if (await writeAlias(bucket, at, found, next)) return next;
  }
  throw new PruneContendedError(
    `Alias ${at.alias} of ${at.name} was written by others ${attempts} times in a row. Prune again when they are done.`,
  );
}

/** The manifest first: without it there is no version, whatever becomes of the rest. */
async function deleteVersion(bucket: Bucket, manifest: string, keys: string[]): Promise<void> {
  await bucket.delete(manifest);
  for (const key of keys) if (key !== manifest) await bucket.delete(key);
}
