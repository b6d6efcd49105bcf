import type { Alias } from '../../shared/registry/manifest.ts';
import { type AliasMover, hasMove, nextAlias, updateAlias } from './aliases.ts';
import type { Bucket } from './bucket.ts';
import { RegistryError } from './errors.ts';
import { downloadVersion, readManifest } from './versions.ts';

export interface Rollback extends AliasMover {
  /** The model's name. */
  name: string;
  alias: string;
  /** Time of the rollback (default: now). */
  now?: Date;
}

/**
 * Points an alias at the version that it named before, whatever their accuracies, after checking all files of that version. A
 * second rollback goes back one version further. If another publisher moves the alias meanwhile, nothing is written, because
 * the alias no longer names the version to be left.
 *
 * @throws {RegistryError} if there is no earlier version, or another publisher has moved the alias meanwhile
 * @throws {VersionNotFoundError} if the earlier version is missing
 * @throws {CorruptVersionError} if a file of the earlier version is missing or corrupt
 * @throws {StoreError} if the bucket can't be used
 */
export async function rollBack(bucket: Bucket, rollback: Rollback): Promise<Alias> {
  const { name, alias, by, reason, now = new Date() } = rollback;
  let version: string | null = null;
  return updateAlias(bucket, rollback, async (current, overtaken) => {
    if (current === null) {
      throw new RegistryError(
        `${bucket.url} has no alias ${alias} of ${name}. \`catwalk models\` lists the aliases.`,
      );
    }
    if (version && hasMove(current, { version, by }, now)) return { result: current };
    if (overtaken) {
      const mover = current.history.at(-1)?.by ?? 'another publisher';
      throw new RegistryError(
        `${mover} has moved alias ${alias} of ${name} to ${current.version} meanwhile, and it stays there.`,
      );
    }
    version = current.previous;
    if (version === null) {
      throw new RegistryError(
        `Alias ${alias} of ${name} named no version before ${current.version}. \`catwalk promote\` moves it to another version.`,
      );
    }
    await downloadVersion(bucket, name, version);
    const previous = await versionBefore(bucket, name, current, version);
    const move = { version, previous, by, action: 'rollback', forced: false, reason } as const;
    const next = nextAlias(current, move, now);
    return { next, result: next };
  });
}

/** @returns what the alias named before it last came to name this version, if that still exists */
async function versionBefore(bucket: Bucket, name: string, { history }: Alias, version: string) {
  const before = history.findLast((revision) => revision.version === version)?.previous ?? null;
  return before !== null && (await readManifest(bucket, name, before)) ? before : null;
}
