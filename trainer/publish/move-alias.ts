import { isDeepStrictEqual } from 'node:util';
import { type Alias, aliasSchema, type Manifest } from '../../shared/manifest.ts';
import type { Bucket } from './bucket.ts';
import { ConditionFailedError } from './bucket-errors.ts';
import { toJsonBytes } from './read-json.ts';
import { readAlias, readManifest } from './read-served.ts';

export interface AliasMove {
  /** The model's name. */
  name: string;
  /** Such as 'production'. */
  alias: string;
  /** The published version that the alias is to name. */
  manifest: Manifest;
  /** Moves to a worse or incomparable model too. */
  force?: boolean | undefined;
  /** When the alias is moved; the present unless told. */
  now?: Date;
}

export type AliasMoveResult =
  | { outcome: 'moved'; alias: Alias }
  /** The alias named this version before. */
  | { outcome: 'unchanged'; alias: Alias }
  /** The alias still names a version that is more accurate, or was measured on other data. */
  | {
      outcome: 'kept';
      alias: Alias;
      reason: 'less-accurate' | 'other-dataset';
      currentAccuracy: number;
      newAccuracy: number;
    };

/** Other publishers moved the alias again and again in between. */
export class AliasContendedError extends Error {
  override name = 'AliasContendedError';
}

/** In every lost race another publisher won, so this many publishers at once all get through. */
const attempts = 10;

/**
 * Points an alias at a published version, where that version is at least as accurate on the same data as the one that the
 * alias names. Whoever moves it in between is never overwritten: the comparison starts again from what they left.
 *
 * @throws {AliasContendedError} where the alias was moved by others at every attempt
 * @throws {BucketError} where the bucket can't be used
 */
export async function moveAlias(bucket: Bucket, move: AliasMove): Promise<AliasMoveResult> {
  const { name, alias, manifest, now = new Date() } = move;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const current = await readAlias(bucket, name, alias);
    if (current?.value.version === manifest.version) {
      return { outcome: 'unchanged', alias: current.value };
    }
    const refusal = current && (await refusalOf(bucket, move, current.value));
    if (refusal) return refusal;
    const next = aliasSchema.parse({
      version: manifest.version,
      updatedAt: now.toISOString(),
      previous: current?.value.version ?? null,
    });
    try {
      await bucket.put(bucket.layout.alias(name, alias), toJsonBytes(next), {
        contentType: 'application/json',
        cacheControl: 'no-cache',
        ...(current ? { ifMatch: current.etag } : { ifNoneMatch: '*' }),
      });
      return { outcome: 'moved', alias: next };
    } catch (error) {
      if (!(error instanceof ConditionFailedError)) throw error;
    }
  }
  throw new AliasContendedError(
    `Alias ${alias} of ${name} was moved by other publishers ${attempts} times in a row; version ${manifest.version} is published but not served. Try again when they are done.`,
  );
}

async function refusalOf(bucket: Bucket, { name, manifest, force }: AliasMove, alias: Alias) {
  if (force) return null;
  const current = await readManifest(bucket, name, alias.version);
  // An alias of a version that is gone serves nothing: any model is better.
  if (!current) return null;
  const accuracies = {
    currentAccuracy: current.metrics.accuracy,
    newAccuracy: manifest.metrics.accuracy,
  };
  if (!isDeepStrictEqual(current.dataset, manifest.dataset)) {
    return { outcome: 'kept', alias, reason: 'other-dataset', ...accuracies } as const;
  }
  if (accuracies.newAccuracy < accuracies.currentAccuracy) {
    return { outcome: 'kept', alias, reason: 'less-accurate', ...accuracies } as const;
  }
  return null;
}
