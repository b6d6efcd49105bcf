import { createHash } from 'node:crypto';
import { aliasNameSchema, versionSchema } from '../../shared/registry/bucket-layout.ts';
import {
  type Alias,
  aliasSchema,
  type Manifest,
  manifestSchema,
} from '../../shared/registry/manifest.ts';
import type { Bucket } from './bucket.ts';
import { InvalidObjectError, readJson } from './read-json.ts';

/** Everything under a version's name in the bucket, whether the version exists or not. */
export interface StoredVersion {
  version: string;
  keys: string[];
  /** Its manifest is there, so the version exists. */
  exists: boolean;
  signed: boolean;
  /** When the last of its files was written. */
  modifiedAt: Date;
}

/** Requests that are under way at once. */
const concurrency = 8;

/** @returns what lies under versions' names, oldest first; other names are left alone */
export async function listStored(bucket: Bucket, name: string): Promise<StoredVersion[]> {
  const start = bucket.layout.versions(name);
  const stored = new Map<string, StoredVersion>();
  for (const { key, modifiedAt } of await bucket.list(start)) {
    const [version = ''] = key.slice(start.length).split('/');
    if (!versionSchema.safeParse(version).success) continue;
    const entry = stored.get(version) ?? {
      ...{ version, keys: [], exists: false, signed: false, modifiedAt },
    };
    entry.keys.push(key);
    entry.exists ||= key === bucket.layout.manifest(name, version);
    entry.signed ||= key === bucket.layout.signature(name, version);
    if (modifiedAt > entry.modifiedAt) entry.modifiedAt = modifiedAt;
    stored.set(version, entry);
  }
  return Array.from(stored.values()).toSorted((a, b) => (a.version < b.version ? -1 : 1));
}

/** @returns every alias of a model by its name */
export async function listAliases(bucket: Bucket, name: string): Promise<Map<string, Alias>> {
  const start = bucket.layout.aliases(name);
  const aliases = new Map<string, Alias>();
  for (const { key } of await bucket.list(start)) {
    const alias = key.slice(start.length).replace(/\.json$/, '');
    if (!aliasNameSchema.safeParse(alias).success) continue;
    const found = await readAlias(bucket, name, alias);
    if (found) aliases.set(alias, found.value);
  }
  return aliases;
}

export interface ListedVersion {
  version: string;
  /** null where it can't be read: `fault` says why. */
  manifest: Manifest | null;
  fault: string | null;
  signed: boolean;
  /** Names of the aliases that point at it. */
  aliases: string[];
}

/** @returns the versions of a model, newest first, and its aliases */
export async function listVersions(bucket: Bucket, name: string) {
  const aliases = await listAliases(bucket, name);
  const stored = (await listStored(bucket, name)).filter(({ exists }) => exists).toReversed();
  const versions: ListedVersion[] = [];
  for (let at = 0; at < stored.length; at += concurrency) {
    const batch = stored.slice(at, at + concurrency);
    versions.push(
      ...(await Promise.all(
        batch.map(async ({ version, signed }) => ({
          ...(await readListed(bucket, bucket.layout.manifest(name, version))),
          version,
          signed,
          aliases: Array.from(aliases).flatMap(([alias, { version: named }]) =>
            named === version ? [alias] : [],
          ),
        })),
      )),
    );
  }
  return { versions, aliases };
}

async function readListed(bucket: Bucket, key: string) {
  try {
    const manifest = (await readJson(bucket, key, manifestSchema))?.value ?? null;
    return { manifest, fault: manifest ? null : 'deleted in the meantime' };
  } catch (error) {
    if (error instanceof InvalidObjectError) return { manifest: null, fault: error.message };
    throw error;
  }
}

/** @returns the manifest of a version, or null where there is no such version */
export async function readManifest(
  bucket: Bucket,
  name: string,
  version: string,
): Promise<Manifest | null> {
  const manifest = await readJson(bucket, bucket.layout.manifest(name, version), manifestSchema);
  return manifest?.value ?? null;
}

/** @returns the alias and its ETag, or null where there is no such alias */
export function readAlias(bucket: Bucket, name: string, alias: string) {
  return readJson(bucket, bucket.layout.alias(name, alias), aliasSchema);
}

/** @returns the manifest of the version that an alias names, or null where there is no such alias or version */
export async function readServed(
  bucket: Bucket,
  name: string,
  alias: string,
): Promise<Manifest | null> {
  const pointer = await readAlias(bucket, name, alias);
  return pointer && readManifest(bucket, name, pointer.value.version);
}

export interface DownloadedVersion {
  manifest: Manifest;
  /** By their path in the version's folder: model.json and weights.bin. */
  files: Record<string, Uint8Array>;
}

/** A version's files are not those that its manifest lists. */
export class DamagedVersionError extends Error {
  override name = 'DamagedVersionError';
}

/**
 * Downloads a version, every file checked against the length and the SHA-256 in its manifest.
 *
 * @returns null where there is no such version
 * @throws {DamagedVersionError} where a file is absent or has other bytes
 * @throws {InvalidObjectError} where the manifest is none
 * @throws {BucketError} where the bucket can't be used
 */
export async function downloadVersion(
  bucket: Bucket,
  name: string,
  version: string,
): Promise<DownloadedVersion | null> {
  const manifest = await readManifest(bucket, name, version);
  if (manifest === null) return null;
  if (manifest.name !== name || manifest.version !== version) {
    throw new DamagedVersionError(
      `The manifest of ${name} ${version} is that of ${manifest.name} ${manifest.version}.`,
    );
  }
  const files: Record<string, Uint8Array> = {};
  for (const { path, bytes, sha256 } of manifest.files) {
    const stored = await bucket.get(bucket.layout.versionFile(name, version, path));
    const found = stored && createHash('sha256').update(stored.bytes).digest('hex');
    if (stored === null || stored.bytes.byteLength !== bytes || found !== sha256) {
      const fault = stored
        ? `has ${stored.bytes.byteLength} bytes with SHA-256 ${found}, its manifest says ${bytes} with ${sha256}`
        : 'is not there';
      throw new DamagedVersionError(
        `Version ${version} of ${name} is damaged: ${path} ${fault}. Publish the run again, or promote another version.`,
      );
    }
    files[path] = stored.bytes;
  }
  return { manifest, files };
}
