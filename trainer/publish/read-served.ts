import { aliasSchema, type Manifest, manifestSchema } from '../../shared/manifest.ts';
import type { Bucket } from './bucket.ts';
import { readJson } from './read-json.ts';

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
