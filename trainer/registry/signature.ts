import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A file holds no key that can sign. */
export class SigningKeyError extends Error {
  override name = 'SigningKeyError';
}

/**
 * Reads an Ed25519 private key, as `openssl genpkey -algorithm ed25519 -out key.pem` makes it. No message holds any of it.
 *
 * @throws {SigningKeyError} where the file can't be read or holds no such key
 */
export async function readSigningKey(file: string): Promise<KeyObject> {
  const advice = '`openssl genpkey -algorithm ed25519 -out key.pem` makes one.';
  let pem: string;
  try {
    pem = await readFile(file, 'utf8');
  } catch (cause) {
    throw new SigningKeyError(`The signing key can't be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new SigningKeyError(`${file} holds no private key in PEM without a password. ${advice}`);
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new SigningKeyError(
    `${file} holds a key of type ${key.asymmetricKeyType}, not Ed25519. ${advice}`,
  );
}

/**
 * Ed25519 (RFC 8032) over the manifest's exact bytes, which hold the SHA-256 of every other file.
 *
 * @returns 64 bytes
 */
export const signManifest = (manifest: Uint8Array, key: KeyObject): Uint8Array =>
  new Uint8Array(sign(null, manifest, key));

/** @param key the private key whose public half is meant */
export const isSignedBy = (manifest: Uint8Array, signature: Uint8Array, key: KeyObject): boolean =>
  verify(null, manifest, createPublicKey(key), signature);
