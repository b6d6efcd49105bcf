import { isDeepStrictEqual } from 'node:util';
import type { Alias, Manifest } from '../../shared/registry/manifest.ts';
import type { Bucket } from './bucket.ts';
import { downloadVersion, readAlias, readManifest } from './versions.ts';
import { type AliasMover, hasMove, nextAlias, sameMove, writeAlias } from './write-alias.ts';

export interface AliasMove extends AliasMover {
  /** The model's name. */
  name: string;
  /** Such as 'production'. */
  alias: string;
  /** The published version that the alias is to name. */
  version: string;
  action: 'publish' | 'promote';
  /** How much less accurate than the present version it may be, 0..1; 0 unless told. */
  tolerance?: number | undefined;
  /** Moves to a worse or incomparable model too. */
  force?: boolean | undefined;
  /** When the alias is moved; the present unless told. */
  now?: Date;
}

export type AliasMoveResult =
  | { outcome: 'moved'; alias: Alias }
  /** The alias named this version before. */
  | { outcome: 'unchanged'; alias: Alias }
  /** The alias still names another version. */
  | {
      outcome: 'kept';
      alias: Alias;
      /** 'overtaken': another publisher moved it in between, to a model that is as good. */
      reason: 'less-accurate' | 'other-dataset' | 'overtaken';
      /** null where the version that the alias names is gone. */
      currentAccuracy: number | null;
      newAccuracy: number;
    };

/** Other publishers moved the alias again and again in between. */
export class AliasContendedError extends Error {
  override name = 'AliasContendedError';
}

/** An alias can't be moved to a version that is not there, or is being deleted. */
export class VersionMissingError extends Error {
  override name = 'VersionMissingError';
}

/** In every lost race another publisher won, so this many publishers at once all get through. */
const attempts = 10;

/** Accuracies are read back from JSON: a tolerance of 0.01 must allow 0.91 to 0.90. */
const rounding = 1e-9;

/**
 * Points an alias at a published version, every file of which was just downloaded and checked, where that version is as
 * accurate on the same data as the one that the alias names. Whoever moves the alias in between is never overwritten: what they
 * left stays, unless the new version is more accurate than that, too.
 *
 * @throws {VersionMissingError | DamagedVersionError} where the version is not whole
 * @throws {AliasContendedError} where the alias was moved by others at every attempt
 * @throws {BucketError} where the bucket can't be used
 */
export async function moveAlias(bucket: Bucket, move: AliasMove): Promise<AliasMoveResult> {
  const { name, alias, version, action, by, reason, force = false, now = new Date() } = move;
  let first: Alias | null = null;
  let checked = false;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = await readAlias(bucket, name, alias);
    const current = found?.value ?? null;
    if (attempt === 0) first = current;
    else if (hasMove(current, move, now)) return { outcome: 'moved', alias: current };
    const overtaken = !sameMove(first, current);
    if (current?.version === version) return { outcome: 'unchanged', alias: current };
    // After the alias is read: who deletes versions writes to the alias first.
    const manifest = await readManifest(bucket, name, version);
    if (manifest === null || current?.pruning.includes(version)) {
      throw new VersionMissingError(
        manifest
          ? `Version ${version} of ${name} is being deleted by \`catwalk prune\`.`
          : `There is no version ${version} of ${name} in ${bucket.url}. \`catwalk models\` lists those that there are.`,
      );
    }
    const refusal = current && (await refusalOf(bucket, move, manifest, current, overtaken));
    if (refusal) return refusal;
    if (!checked) await downloadVersion(bucket, name, version);
    checked = true;
    const next = nextAlias(
      current,
      { version, previous: current?.version ?? null, by, action, forced: force, reason },
      now,
    );
    if (await writeAlias(bucket, move, found, next)) return { outcome: 'moved', alias: next };
  }
  throw new AliasContendedError(
    `Alias ${alias} of ${name} was moved by other publishers ${attempts} times in a row; version ${version} is published but not served. Try again when they are done.`,
  );
}

async function refusalOf(
  bucket: Bucket,
  { name, force, tolerance = 0 }: AliasMove,
  manifest: Manifest,
  alias: Alias,
  overtaken: boolean,
): Promise<AliasMoveResult | null> {
  if (force && !overtaken) return null;
  const current = await readManifest(bucket, name, alias.version);
  const currentAccuracy = current?.metrics.accuracy ?? null;
  const newAccuracy = manifest.metrics.accuracy;
  const kept = { outcome: 'kept', alias, currentAccuracy, newAccuracy } as const;
  // Who forces has seen another version there.
  if (force) return { ...kept, reason: 'overtaken' };
  // An alias of a version that is gone serves nothing: any model is better.
  if (current === null || currentAccuracy === null) return null;
  if (!isDeepStrictEqual(current.dataset, manifest.dataset)) {
    return { ...kept, reason: 'other-dataset' };
  }
  if (newAccuracy < currentAccuracy - tolerance - rounding) {
    return { ...kept, reason: 'less-accurate' };
  }
  return overtaken && newAccuracy <= currentAccuracy ? { ...kept, reason: 'overtaken' } : null;
}

/** @returns what became of an alias, such as `production now names it` */
export function describeMove(alias: string, move: AliasMoveResult): string {
  if (move.outcome === 'moved') return `${alias} now names it`;
  if (move.outcome === 'unchanged') return `${alias} names it already`;
  const { version, history } = move.alias;
  const kept = `${alias} stays at ${version}`;
  switch (move.reason) {
    case 'other-dataset':
      return `${kept}, which was tested on other data (--force moves it)`;
    case 'overtaken':
      return `${kept}: ${history.at(-1)?.by ?? 'another publisher'} moved it there in the meantime`;
    case 'less-accurate':
      return `${kept}, which has ${percent(move.currentAccuracy)}, this one ${percent(move.newAccuracy)} (--force moves it)`;
  }
}

const percent = (share: number | null) =>
  share === null ? 'no accuracy' : `${(100 * share).toFixed(2)} %`;
