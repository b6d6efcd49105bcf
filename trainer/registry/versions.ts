/** Listing, reading and checking a model's versions. */
import { hash, type KeyObject } from 'node:crypto';
import { versionSchema } from '../../shared/model/names.ts';
import { type Manifest, manifestSchema } from '../../shared/registry/manifest.ts';
import { listAliases } from './aliases.ts';
import type { Bucket } from './bucket.ts';
import { CorruptVersionError, RegistryError, VersionNotFoundError } from './errors.ts';
import { mapInBatches } from './map-in-batches.ts';
import { InvalidObjectError, readJson } from './read-json.ts';
import { isSignedBy } from './signature.ts';

/** The objects under a version's name, whether the version exists or not. */
export interface StoredVersion {
  version: string;
  keys: string[];
  /** When its manifest was written, by the store's clock; null without one: then the version does not exist. */
  publishedAt: Date | null;
  signed: boolean;
  /** Time of the last write. */
  modifiedAt: Date;
}

/** @returns the names of all models, sorted */
export async function listModels(bucket: Bucket): Promise<string[]> {
  const folders = await bucket.list(bucket.layout.models());
  return folders.filter((name) => name.endsWith('/')).map((name) => name.slice(0, -1));
}

/** @returns the objects under each version's name, oldest version first; other names are ignored */
export async function listStored(bucket: Bucket, name: string): Promise<StoredVersion[]> {
  const start = bucket.layout.versions(name);
  const stored = new Map<string, StoredVersion>();
  for (const { key, modifiedAt } of await bucket.listAll(start)) {
    const [version = ''] = key.slice(start.length).split('/');
    if (!versionSchema.safeParse(version).success) continue;
    const empty: StoredVersion = {
      version,
      keys: [],
      publishedAt: null,
      signed: false,
      modifiedAt,
    };
    const entry = stored.get(version) ?? empty;
    entry.keys.push(key);
    if (key === bucket.layout.manifest(name, version)) entry.publishedAt = modifiedAt;
    entry.signed ||= key === bucket.layout.signature(name, version);
    if (modifiedAt > entry.modifiedAt) entry.modifiedAt = modifiedAt;
    stored.set(version, entry);
  }
  return Array.from(stored.values()).toSorted((a, b) => (a.version < b.version ? -1 : 1));
}

export interface ListedVersion {
  version: string;
  /** null if it can't be read: `fault` is the reason. */
  manifest: Manifest | null;
  fault: string | null;
  signed: boolean;
  /** Names of the aliases that point at it. */
  aliases: string[];
}

/** @returns the versions of a model, newest first, and its aliases */
export async function listVersions(bucket: Bucket, name: string) {
  const aliases = await listAliases(bucket, name);
  const stored = (await listStored(bucket, name))
    .filter(({ publishedAt }) => publishedAt !== null)
    .toReversed();
  const versions = await mapInBatches(
    stored,
    8,
    async ({ version, signed }): Promise<ListedVersion> => ({
      version,
      ...(await readListed(bucket, name, version)),
      signed,
      aliases: Array.from(aliases).flatMap(([alias, { version: named }]) =>
        named === version ? [alias] : [],
      ),
    }),
  );
  return { versions, aliases };
}

async function readListed(bucket: Bucket, name: string, version: string) {
  try {
    const manifest = await readManifest(bucket, name, version);
    return { manifest, fault: manifest ? null : 'deleted meanwhile' };
  } catch (error) {
    if (error instanceof InvalidObjectError) return { manifest: null, fault: error.message };
    throw error;
  }
}

/** @returns the manifest of a version, or null if there is no such version */
export async function readManifest(
  bucket: Bucket,
  name: string,
  version: string,
): Promise<Manifest | null> {
  const manifest = await readJson(bucket, bucket.layout.manifest(name, version), manifestSchema);
  return manifest?.value ?? null;
}

export interface DownloadedVersion {
  manifest: Manifest;
  /** By their path in the version's folder: model.json and weights.bin. */
  files: Record<string, Uint8Array>;
}

/**
 * Downloads a version and checks every file against the length and the SHA-256 in the manifest.
 *
 * @throws {VersionNotFoundError} if there is no such version
 * @throws {CorruptVersionError} if a file is missing or has other bytes
 * @throws {InvalidObjectError} if the manifest breaks its schema
 * @throws {StoreError} if the bucket can't be used
 */
export async function downloadVersion(
  bucket: Bucket,
  name: string,
  version: string,
): Promise<DownloadedVersion> {
  const manifest = await readManifest(bucket, name, version);
  if (manifest === null) throw versionNotFound(bucket, name, version);
  if (manifest.name !== name || manifest.version !== version) {
    throw new CorruptVersionError(
      `The manifest of ${name} ${version} belongs to ${manifest.name} ${manifest.version}. Publish the run again, or promote another version.`,
    );
  }
  const files: Record<string, Uint8Array> = {};
  for (const { path, bytes, sha256 } of manifest.files) {
    const stored = await bucket.get(bucket.layout.versionFile(name, version, path));
    const found = stored && hash('sha256', stored.bytes);
    if (stored === null || stored.bytes.byteLength !== bytes || found !== sha256) {
      const fault = stored
        ? `has ${stored.bytes.byteLength} bytes with SHA-256 ${found}, but the manifest says ${bytes} bytes with ${sha256}`
        : 'is missing';
      throw new CorruptVersionError(
        `Version ${version} of ${name} is corrupt: ${path} ${fault}. Publish the run again, or promote another version.`,
      );
    }
    files[path] = stored.bytes;
  }
  return { manifest, files };
}

/**
 * Checks that a version's manifest was signed with a key.
 *
 * @param key the public key, or the private one of the same pair
 * @throws {RegistryError} if it is not signed, or by another key
 */
export async function checkSigned(
  bucket: Bucket,
  name: string,
  version: string,
  key: KeyObject,
): Promise<void> {
  const manifest = await bucket.get(bucket.layout.manifest(name, version));
  const signature = await bucket.get(bucket.layout.signature(name, version));
  if (manifest && signature && isSignedBy(manifest.bytes, signature.bytes, key)) return;
  throw new RegistryError(
    `Version ${version} of ${name} is ${signature ? 'signed by another key, or was altered' : 'not signed'}, so the alias does not move. Publish the run with --sign, or choose another version.`,
  );
}

export const versionNotFound = (bucket: Bucket, name: string, version: string) =>
  new VersionNotFoundError(
    `There is no version ${version} of ${name} in ${bucket.url}. \`catwalk models\` lists the versions.`,
  );
