/** Pointing an alias at another version: publish, promote, roll back. */
import type { KeyObject } from 'node:crypto';
import { percent } from '../../node/text.ts';
import type { Alias, Manifest } from '../../shared/registry/manifest.ts';
import { type AliasMover, hasMove, nextAlias, updateAlias } from './aliases.ts';
import type { Bucket } from './bucket.ts';
import { type ComparisonSet, compareVersions } from './compare-versions.ts';
import { RegistryError, VersionNotFoundError } from './errors.ts';
import { signAlias } from './signature.ts';
import { serveTestSetOf } from './test-set.ts';
import { checkSigned, downloadVersion, readManifest, versionNotFound } from './versions.ts';

/** The keys of a move. */
interface MoveKeys {
  /** An Ed25519 private key that signs the alias. The version must be signed with it, too. */
  signingKey?: KeyObject | undefined;
  /** An Ed25519 public key with which the version must be signed. */
  requiredKey?: KeyObject | undefined;
}

/** When an alias moves. */
export interface Gate {
  /** How much less accurate than the current version the new one may be, 0..1 (default: 0). */
  tolerance?: number | undefined;
  /** How much more accurate it must be, 0..1 (default: 0). */
  margin?: number | undefined;
  /** The images on which they are compared (default: test). */
  compareOn?: ComparisonSet | undefined;
}

export interface AliasMove extends AliasMover, MoveKeys, Gate {
  /** The model's name. */
  name: string;
  /** Such as 'production'. */
  alias: string;
  /** The published version to point the alias at. */
  version: string;
  action: 'publish' | 'promote';
  /** Moves in any case. */
  force?: boolean | undefined;
  /** SHA-256 of the weights of versions that this one replaces whatever their accuracies, such as earlier epochs of its run. */
  replaces?: ReadonlySet<string> | undefined;
  /** Time of the move (default: now, by the store's clock). */
  now?: Date;
}

export type AliasMoveResult =
  | { outcome: 'moved'; alias: Alias }
  /** The alias already named this version. */
  | { outcome: 'unchanged'; alias: Alias }
  | AliasKept;

/** The alias still names another version. */
interface AliasKept {
  outcome: 'kept';
  alias: Alias;
  /** 'overtaken': another publisher has moved it meanwhile, to a model that is as good. */
  reason: 'less-accurate' | 'other-dataset' | 'overtaken';
  /** On the images on which they were compared. null if the version that the alias names is missing, or they can't be compared. */
  currentAccuracy: number | null;
  newAccuracy: number;
  /** The images on which they were compared. */
  comparedOn: ComparisonSet;
  /** Whether both were measured for this move, on the later test set. */
  measured: boolean;
  /** By how much the new version must be better; negative if it may be worse. */
  margin: number;
}

/** Accuracies are read from JSON: a tolerance of 0.01 must allow a move from 0.91 to 0.90. */
const rounding = 1e-9;

/**
 * Points an alias at a published version if all its files are intact, and it is as accurate on the same images as the version
 * that the alias names (`compareVersions`). A move by another publisher in between is never overwritten: it stays, unless the new version is
 * also more accurate than that one. The served test set moves with the alias (`serveTestSetOf`).
 *
 * @throws {VersionNotFoundError} if the version is missing or being deleted
 * @throws {CorruptVersionError} if a file of the version is missing or corrupt
 * @throws {RegistryError} if other publishers moved the alias at every attempt
 * @throws {StoreError} if the bucket can't be used
 */
export async function moveAlias(bucket: Bucket, move: AliasMove): Promise<AliasMoveResult> {
  const result = await moveIfGood(bucket, move);
  if (result.outcome !== 'kept') await serveTestSetOf(bucket, move);
  return result;
}

function moveIfGood(bucket: Bucket, move: AliasMove): Promise<AliasMoveResult> {
  const { name, version, action, by, reason, force: forced = false } = move;
  let { now } = move;
  let checked = false;
  return updateAlias<AliasMoveResult>(bucket, move, async (current, overtaken) => {
    now ??= bucket.now();
    if (current && hasMove(current, move, now)) {
      return { result: { outcome: 'moved', alias: current } };
    }
    await checkKeys(bucket, name, version, move);
    if (current?.version === version) {
      const result = { outcome: 'unchanged', alias: current } as const;
      const next = signed(move, current);
      return next.signature === current.signature ? { result } : { next, result };
    }
    // Read after the alias, because `prune` writes to the alias before it deletes a version.
    const manifest = await readManifest(bucket, name, version);
    if (manifest === null) throw versionNotFound(bucket, name, version);
    if (current?.pruning.includes(version)) {
      throw new VersionNotFoundError(
        `Version ${version} of ${name} is being deleted by \`catwalk prune\`. Choose another one.`,
      );
    }
    const kept = current && (await reasonToKeep(bucket, move, manifest, current, overtaken));
    if (kept) return { result: kept };
    if (!checked) await downloadVersion(bucket, name, version);
    checked = true;
    const previous = current?.version ?? null;
    const next = nextAlias(current, { version, previous, by, action, forced, reason }, now);
    return { next: signed(move, next), result: { outcome: 'moved', alias: next } };
  });
}

async function checkKeys(bucket: Bucket, name: string, version: string, keys: MoveKeys) {
  for (const key of [keys.signingKey, keys.requiredKey]) {
    if (key) await checkSigned(bucket, name, version, key);
  }
}

const signed = (
  { name, alias, signingKey }: MoveKeys & { name: string; alias: string },
  value: Alias,
): Alias => (signingKey ? signAlias(name, alias, value, signingKey) : value);

/** @returns null if the alias may be moved */
async function reasonToKeep(
  bucket: Bucket,
  { name, force, replaces, tolerance = 0, margin = 0, compareOn: comparedOn = 'test' }: AliasMove,
  manifest: Manifest,
  alias: Alias,
  overtaken: boolean,
): Promise<AliasKept | null> {
  if (force && !overtaken) return null;
  const current = await readManifest(bucket, name, alias.version);
  const kept = {
    outcome: 'kept',
    alias,
    currentAccuracy: current?.metrics.accuracy ?? null,
    newAccuracy: manifest.metrics.accuracy,
    comparedOn,
    measured: false,
    margin: margin - tolerance,
  } as const;
  // The user forced the move away from a version that the alias no longer names.
  if (force) return { ...kept, reason: 'overtaken' };
  // An alias of a missing version serves nothing: any model is better.
  if (current === null || replaces?.has(weightsOf(current))) return null;
  const comparison = await compareVersions(bucket, current, manifest, comparedOn);
  if (comparison === null) return { ...kept, reason: 'other-dataset' };
  const { currentAccuracy, newAccuracy } = comparison;
  if (newAccuracy < currentAccuracy + kept.margin - rounding) {
    return { ...kept, ...comparison, reason: 'less-accurate' };
  }
  return overtaken && newAccuracy <= currentAccuracy
    ? { ...kept, ...comparison, reason: 'overtaken' }
    : null;
}

/** @returns the SHA-256 of a version's weights.bin */
export const weightsOf = ({ files }: Manifest): string =>
  files.find(({ path }) => path === 'weights.bin')?.sha256 ?? '';

export interface Rollback extends AliasMover, MoveKeys {
  /** The model's name. */
  name: string;
  alias: string;
  /** Time of the rollback (default: now, by the store's clock). */
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
  const { name, alias, by, reason } = rollback;
  let { now } = rollback;
  let version: string | null = null;
  const rolledBack = await updateAlias(bucket, rollback, async (current, overtaken) => {
    now ??= bucket.now();
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
    await checkKeys(bucket, name, version, rollback);
    await downloadVersion(bucket, name, version);
    const previous = await versionBefore(bucket, name, current, version);
    const move = { version, previous, by, action: 'rollback', forced: false, reason } as const;
    const next = nextAlias(current, move, now);
    return { next: signed(rollback, next), result: next };
  });
  await serveTestSetOf(bucket, rollback);
  return rolledBack;
}

/** @returns the version that the alias named before it moved to this one, if that version still exists */
async function versionBefore(bucket: Bucket, name: string, { history }: Alias, version: string) {
  const before = history.findLast((revision) => revision.version === version)?.previous ?? null;
  return before !== null && (await readManifest(bucket, name, before)) ? before : null;
}

/** @returns the result of a move in words, such as `production now names it` */
export function describeMove(alias: string, move: AliasMoveResult): string {
  if (move.outcome === 'moved') return `${alias} now names it`;
  if (move.outcome === 'unchanged') return `${alias} already names it`;
  const { version, history } = move.alias;
  const kept = `${alias} stays at ${version}`;
  const { comparedOn, measured, margin } = move;
  switch (move.reason) {
    case 'other-dataset':
      return comparedOn === 'validation'
        ? `${kept}: the two don't have the same validation images (--compare-on test compares them on the test set, --force moves it)`
        : `${kept}, which was tested on other data, and they can't be measured on the same: the bucket lacks the later test set, or its images have another size. \`catwalk data upload\` uploads it; --force moves the alias`;
    case 'overtaken':
      return `${kept}: ${history.at(-1)?.by ?? 'another publisher'} has moved it there meanwhile`;
    case 'less-accurate':
      return [
        `${kept}, which has ${percent(move.currentAccuracy ?? 0)}, this one ${percent(move.newAccuracy)}`,
        comparedOn === 'validation' ? ', on validation images' : '',
        measured ? ', both measured on the later test set' : '',
        margin > 0 ? `; it must be better by ${percent(margin)}` : '',
        ' (--force moves it)',
      ].join('');
  }
}
