import type { Alias } from '../../shared/registry/manifest.ts';
import type { Bucket } from './bucket.ts';
import { AliasContendedError, VersionMissingError } from './move-alias.ts';
import { downloadVersion, readAlias, readManifest } from './versions.ts';
import { type AliasMover, hasMove, nextAlias, sameMove, writeAlias } from './write-alias.ts';

export interface Rollback extends AliasMover {
  /** The model's name. */
  name: string;
  alias: string;
  /** When the alias is moved; the present unless told. */
  now?: Date;
}

/** An alias can't be rolled back. */
export class RollbackError extends Error {
  override name = 'RollbackError';
}

/**
 * Points an alias at the version that it named before, whatever their accuracies, after every file of it was checked. A second
 * rollback goes one further back. Where another publisher moves the alias in between, nothing is written: it no longer names
 * the version that was to be left.
 *
 * @throws {RollbackError} where there is nothing to go back to, or another publisher moved the alias in between
 * @throws {VersionMissingError | DamagedVersionError} where the version before is not whole any more
 * @throws {BucketError} where the bucket can't be used
 */
export async function rollBack(bucket: Bucket, rollback: Rollback): Promise<Alias> {
  const { name, alias, by, reason, now = new Date() } = rollback;
  let first: Alias | null = null;
  let version: string | null = null;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await readAlias(bucket, name, alias);
    if (found === null) {
      throw new RollbackError(`There is no alias ${alias} of ${name} in ${bucket.url}.`);
    }
    const current = found.value;
    if (attempt === 0) first = current;
    else if (version && hasMove(current, { version, by }, now)) return current;
    if (!sameMove(first, current)) throw overtakenBy(current, rollback);
    version = current.previous;
    if (version === null) {
      throw new RollbackError(
        `Alias ${alias} of ${name} named nothing before ${current.version}. \`catwalk promote\` moves it to another version.`,
      );
    }
    if ((await downloadVersion(bucket, name, version)) === null) {
      throw new VersionMissingError(
        `Version ${version} of ${name}, which ${alias} named before, is not there any more. \`catwalk promote\` moves it to another version.`,
      );
    }
    const previous = await versionBefore(bucket, name, current, version);
    const move = { version, previous, by, action: 'rollback', forced: false, reason } as const;
    const next = nextAlias(current, move, now);
    if (await writeAlias(bucket, rollback, found, next)) return next;
  }
  throw new AliasContendedError(
    `Alias ${alias} of ${name} could not be written ${attempts} times in a row. Try again later.`,
  );
}

/** Others write to an alias without moving it when they delete versions. */
const attempts = 10;

/** @returns what the alias named before it named that version for the last time, where it still exists */
async function versionBefore(bucket: Bucket, name: string, { history }: Alias, version: string) {
  const before = history.findLast((revision) => revision.version === version)?.previous ?? null;
  return before !== null && (await readManifest(bucket, name, before)) ? before : null;
}

function overtakenBy({ version, history }: Alias, { name, alias }: Rollback): RollbackError {
  const by = history.at(-1)?.by ?? 'another publisher';
  return new RollbackError(
    `Alias ${alias} of ${name} was moved to ${version} by ${by} in the meantime, and stays there.`,
  );
}
