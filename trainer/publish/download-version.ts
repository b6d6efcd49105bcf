import { createHash } from 'node:crypto';
import type { Manifest } from '../../shared/manifest.ts';
import type { Bucket } from './bucket.ts';
import { readManifest } from './read-served.ts';

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
