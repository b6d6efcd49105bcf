import { ModelError } from '../errors.ts';

/**
 * Checks an Ed25519 signature over a manifest's exact bytes.
 *
 * @param signature 64 bytes, null where none is stored
 * @param publicKeys 32 bytes each: one of them must have signed
 * @throws {ModelError} `bad_model` where none of them did
 */
export async function checkSignature(
  version: string,
  manifest: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer> | null,
  publicKeys: readonly Uint8Array<ArrayBuffer>[],
): Promise<void> {
  if (signature === null) {
    throw new ModelError(
      'bad_model',
      `Version ${version} is not signed, and this Worker serves signed models alone.`,
    );
  }
  for (const bytes of publicKeys) {
    const key = await crypto.subtle.importKey('raw', bytes, 'Ed25519', false, ['verify']);
    if (await crypto.subtle.verify('Ed25519', key, signature, manifest)) return;
  }
  throw new ModelError(
    'bad_model',
    `The signature of version ${version} is by another key than this Worker's, or its manifest was altered.`,
  );
}
