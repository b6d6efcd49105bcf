import { aliasStatement } from '../../shared/registry/alias-statement.ts';
import type { Alias } from '../../shared/registry/manifest.ts';
import { ModelError } from '../errors.ts';
import { isSigned, type VersionSource } from './read-manifest.ts';

/**
 * Checks an alias's signature, and that it is not older than the newest that this isolate has accepted: anyone who can write to
 * the bucket could put back a record that was signed long ago. A rollback is a new record, so it is accepted.
 *
 * @param newest `updatedAt` of the newest record, in milliseconds since 1970
 * @throws {ModelError} `bad_model` if the source has public keys and the alias is not signed, altered or older
 */
export async function verifyAlias(
  { name, publicKeys }: VersionSource,
  aliasName: string,
  alias: Alias,
  newest: number,
): Promise<void> {
  if (publicKeys.length === 0) return;
  const fail = (problem: string) =>
    new ModelError('bad_model', `The alias ${aliasName} of ${name} ${problem}`);
  if (alias.signature === undefined) {
    throw fail(
      `is not signed, but this Worker follows only signed aliases. Sign it: npx catwalk promote ${alias.version} --alias ${aliasName} --sign key.pem`,
    );
  }
  const statement = Uint8Array.from(
    new TextEncoder().encode(aliasStatement(name, aliasName, alias)),
  );
  const signature = Uint8Array.from(atob(alias.signature), (character) => character.charCodeAt(0));
  if (!(await isSigned(statement, signature, publicKeys))) {
    throw fail("is signed by another key than this Worker's, or was altered.");
  }
  if (Date.parse(alias.updatedAt) < newest) {
    throw fail(
      `was moved at ${alias.updatedAt}, but a later move of ${new Date(newest).toISOString()} is known, so an old file was restored. Move the alias with \`npx catwalk promote --sign\` or \`rollback --sign\`.`,
    );
  }
}
