import * as z from 'zod/mini';
import { ModelError } from '../errors.ts';

/** An Ed25519 public key in DER is this and its 32 bytes (RFC 8410). */
const derStart = '302a300506032b6570032100';
const derBytes = 44;

/**
 * Ed25519 public keys as `openssl pkey -in key.pem -pubout` prints them, one after the other, or their base64 alone. Several,
 * so that a key can be changed for another: models signed by either are served for as long as both are named.
 *
 * @returns the 32 bytes of each key
 */
export const publicKeysSchema = z.pipe(
  z.string(),
  z.transform((text, context) => {
    const blocks = text
      .replace(/-----(BEGIN|END) PUBLIC KEY-----/g, ' , ')
      .split(',')
      .map((block) => block.replace(/\s+/g, ''))
      .filter((block) => block !== '');
    return blocks.map((block) => {
      const der = decodeBase64(block);
      const start = Array.from(der.subarray(0, 12), (byte) => byte.toString(16).padStart(2, '0'));
      if (der.byteLength !== derBytes || start.join('') !== derStart) {
        context.issues.push({
          code: 'custom',
          input: block,
          message: 'is no Ed25519 public key; `openssl pkey -in key.pem -pubout` prints one',
        });
      }
      return der.slice(derStart.length / 2);
    });
  }),
);

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array(0);
  }
}

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
