import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import type { ObjectStore } from '../../shared/registry/object-store.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, publishedSchemas } from '../store/published.ts';
import { checkSignature } from './signature.ts';

export interface VersionSource {
  store: ObjectStore;
  layout: BucketLayout;
  /** The model's name. */
  name: string;
  /** Ed25519, 32 bytes each: one of them must have signed a version's manifest. Where there are none, nobody need have. */
  publicKeys: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Reads what a version is, and checks its signature where one is wanted.
 *
 * @throws {ModelError} `version_not_found` where it has no manifest, `bad_model` where that is wrong
 * @throws {StoreError} where the store can't be asked
 */
export async function readManifest(source: VersionSource, version: string): Promise<Manifest> {
  const { store, layout, name, publicKeys } = source;
  const object = await store.get(layout.manifest(name, version));
  if (object === null) {
    throw new ModelError(
      'version_not_found',
      `There is no version ${version}: it has no manifest.json.`,
    );
  }
  if (publicKeys.length > 0) {
    const signature = await store.get(layout.signature(name, version));
    await checkSignature(version, object.bytes, signature?.bytes ?? null, publicKeys);
  }
  const { manifestSchema } = await publishedSchemas();
  const manifest = parsePublished(
    object.bytes,
    manifestSchema,
    `manifest.json of version ${version}`,
  );
  if (manifest.version !== version || manifest.name !== name) {
    throw new ModelError(
      'bad_model',
      `The manifest of ${name} ${version} is that of ${manifest.name} ${manifest.version}.`,
    );
  }
  return manifest;
}
