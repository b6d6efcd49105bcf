/**
 * Ed25519 signatures (RFC 8032): over a manifest's exact bytes, which contain the SHA-256 of every other file, and over statements
 * about other objects. A statement starts with its kind, so no signature is valid for an object of another kind.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { aliasStatement } from '../../shared/registry/alias-statement.ts';
import type { Alias } from '../../shared/registry/manifest.ts';
import { RegistryError } from './errors.ts';

/**
 * Reads an Ed25519 private key, such as `openssl genpkey -algorithm ed25519 -out key.pem` makes. Errors contain no part of it.
 *
 * @throws {RegistryError} if the file can't be read or is not such a key
 */
export async function readSigningKey(file: string): Promise<KeyObject> {
  const advice = '`openssl genpkey -algorithm ed25519 -out key.pem` makes one.';
  const pem = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new RegistryError(`The signing key can't be read: ${cause.message}`, { cause });
  });
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new RegistryError(
      `${file} is not a private key in PEM format without a password. ${advice}`,
    );
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new RegistryError(
    `${file} is a key of type ${key.asymmetricKeyType}, not Ed25519. ${advice}`,
  );
}

/**
 * Reads an Ed25519 public key, such as `openssl pkey -in key.pem -pubout` prints.
 *
 * @throws {RegistryError} if the file can't be read or is not such a key
 */
export async function readPublicKey(file: string): Promise<KeyObject> {
  const pem = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new RegistryError(`The public key can't be read: ${cause.message}`, { cause });
  });
  let key: KeyObject | null = null;
  try {
    key = createPublicKey(pem);
  } catch {
    // Reported below.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new RegistryError(
    `${file} is not an Ed25519 public key in PEM format. \`openssl pkey -in key.pem -pubout\` prints one.`,
  );
}

/** @returns 64 bytes */
export const signManifest = (manifest: Uint8Array, key: KeyObject): Uint8Array =>
  new Uint8Array(sign(null, manifest, key));

/** @param key the public key, or the private one of the same pair */
export const isSignedBy = (manifest: Uint8Array, signature: Uint8Array, key: KeyObject): boolean =>
  verify(null, manifest, key.type === 'private' ? createPublicKey(key) : key, signature);

/** @returns the alias with its signature */
export const signAlias = (name: string, alias: string, value: Alias, key: KeyObject): Alias => ({
  ...value,
  signature: sign(null, Buffer.from(aliasStatement(name, alias, value)), key).toString('base64'),
});

type StatementKind = 'checkpoint' | 'trial';

const statementBytes = (kind: StatementKind, content: string) =>
  Buffer.from(`catwalk-${kind}-1\n${content}`);

/** @returns 64 bytes */
export const signStatement = (kind: StatementKind, content: string, key: KeyObject): Uint8Array =>
  signManifest(statementBytes(kind, content), key);

/** @param key the private key; its public key verifies the signature */
export const isStatementSignedBy = (
  kind: StatementKind,
  content: string,
  signature: Uint8Array,
  key: KeyObject,
): boolean => isSignedBy(statementBytes(kind, content), signature, key);
