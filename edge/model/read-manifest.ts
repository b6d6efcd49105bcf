import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import type { ObjectStore } from '../../shared/registry/object-store.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, publishedSchemas } from '../store/published.ts';

export interface VersionSource {
  store: ObjectStore;
  layout: BucketLayout;
  /** The model's name. */
  name: string;
  /** Ed25519 keys, 32 bytes each. If there are any, one of them must have signed a version's manifest. */
  publicKeys: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Reads a version's manifest, and checks its signature if the source has public keys.
 *
 * @throws {ModelError} `version_not_found` if there is no manifest, `bad_model` if it is invalid
 * @throws {StoreError} if the store can't be read
 */
export async function readManifest(source: VersionSource, version: string): Promise<Manifest> {
  return (await readManifestBytes(source, version)).manifest;
}

/** Does the same as `readManifest`, and also returns the bytes that were checked. */
export async function readManifestBytes(source: VersionSource, version: string) {
  const { store, layout, name, publicKeys } = source;
  const [object, signature] = await Promise.all([
    store.get(layout.manifest(name, version)),
    publicKeys.length > 0 ? store.get(layout.signature(name, version)) : null,
  ]);
  if (object === null) {
    throw new ModelError(
      'version_not_found',
      `There is no version ${version}: it has no manifest.json.`,
    );
  }
  if (publicKeys.length > 0) {
    await checkSignature(version, object.bytes, signature?.bytes ?? null, publicKeys);
  }
  const { manifestSchema } = await publishedSchemas();
  const what = `manifest.json of version ${version}`;
  const manifest = parsePublished(object.bytes, manifestSchema, what);
  if (manifest.version !== version || manifest.name !== name) {
    throw new ModelError(
      'bad_model',
      `The manifest of ${name} ${version} belongs to ${manifest.name} ${manifest.version}.`,
    );
  }
  return { manifest, bytes: object.bytes };
}

/** Checks an Ed25519 signature over the manifest's exact bytes. One of the keys must have signed. */
async function checkSignature(
  version: string,
  manifest: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer> | null,
  publicKeys: readonly Uint8Array<ArrayBuffer>[],
): Promise<void> {
  if (signature === null) {
    throw new ModelError(
      'bad_model',
      `Version ${version} is not signed, but this Worker serves only signed models.`,
    );
  }
  if (await isSigned(manifest, signature, publicKeys)) return;
  throw new ModelError(
    'bad_model',
    `Version ${version} is signed by another key than this Worker's, or its manifest was altered.`,
  );
}

/** Whether one of the Ed25519 keys signed the bytes. */
export async function isSigned(
  bytes: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  publicKeys: readonly Uint8Array<ArrayBuffer>[],
): Promise<boolean> {
  for (const publicKey of publicKeys) {
    const key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify']);
    if (await crypto.subtle.verify('Ed25519', key, signature, bytes)) return true;
  }
  return false;
}
