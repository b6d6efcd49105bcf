import type { Alias } from '../../shared/registry/manifest.ts';
import { ModelError } from '../errors.ts';
import {
  type AliasFollower,
  type AliasFollowerOptions,
  type Background,
  followAlias,
  type LoadFailure,
} from './alias-follower.ts';
import type { OpenFallback } from './fallback.ts';
import { readManifest, type VersionSource } from './read-manifest.ts';

/** The version that a request asks for. Without a version or an alias, the client decides about the canary. */
export type VersionChoice = { version: string } | { alias: string } | { client: string | null };

/** The version that answers a request. It stays the same even if the alias moves meanwhile. */
export interface ModelReference {
  name: string;
  version: string;
  /** The alias that led to the version, or `null` if the request named the version. */
  alias: NamedAlias | null;
  /** Where the version can be loaded. */
  from: VersionSource;
  isSnapshot: boolean;
}

export interface NamedAlias extends Alias {
  name: string;
}

/** One model: its aliases, its canary and its snapshot. */
export interface FollowedModel {
  /**
   * Finds the version that answers, and loads it if it is not in memory.
   *
   * @throws {ModelError | StoreError} `no_model`, `bad_model`, `alias_not_found`, `version_not_found`, `busy`
   */
  resolve(choice: VersionChoice, background: Background): Promise<ModelReference>;
  /** Polls the default and the canary alias now. Never rejects. */
  poll(background: Background): Promise<void>;
  /** Why the default and the canary alias can't be served. `null`: no failure. */
  failures(): { alias: string; failure: LoadFailure | null }[];
}

export interface FollowedModelOptions
  extends VersionSource,
    Pick<
      AliasFollowerOptions,
      'models' | 'keepInMemory' | 'pollMilliseconds' | 'onSwap' | 'now' | 'aliasMissing'
    > {
  /** The default alias. */
  alias: string;
  /** The alias that answers `percent` of the clients instead. */
  canary: { alias: string; percent: number } | null;
  /** The version that the deployment carries, which answers if the bucket can't. */
  snapshot: (VersionSource & { openFallback: OpenFallback }) | null;
  /** @returns a number from 0 to below 1 */
  random: () => number;
}

/** Aliases that are followed because a request named them. The least recently used one goes first. */
const maxOtherAliases = 8;

export function followModel(options: FollowedModelOptions): FollowedModel {
  const { name, canary, snapshot, models, now, random, keepInMemory } = options;
  const follow = (alias: string, keep: boolean, aliasMissing: () => ModelError) =>
    followAlias({ ...options, alias, keepInMemory: keep, aliasMissing });

  const main = follow(options.alias, keepInMemory, options.aliasMissing);
  const permanent = new Map([[options.alias, main]]);
  if (canary && canary.alias !== options.alias) {
    permanent.set(canary.alias, follow(canary.alias, keepInMemory, notFound(canary.alias)));
  }
  // The least recently used comes first.
  const others = new Map<string, AliasFollower>();
  const carried = snapshot && {
    alias: followSnapshot(options, snapshot),
    mainOrSnapshot: snapshot.openFallback(),
    canaryOrNone: snapshot.openFallback(),
  };

  function notFound(alias: string) {
    return () => new ModelError('alias_not_found', `${name} has no alias ${alias}.`);
  }

  async function resolveMain(background: Background): Promise<ModelReference> {
    const fromBucket = async () =>
      referenceTo(await main.ready(background), options.alias, options);
    if (!snapshot || !carried) return fromBucket();
    const fromSnapshot = async () =>
      referenceTo(await carried.alias.ready(background), options.alias, snapshot, true);
    return carried.mainOrSnapshot(fromBucket, fromSnapshot, background);
  }

  async function resolveAlias(alias: string, background: Background): Promise<ModelReference> {
    if (alias === options.alias) return resolveMain(background);
    const follower =
      permanent.get(alias) ?? others.get(alias) ?? follow(alias, false, notFound(alias));
    const current = await follower.ready(background);
    // An alias without a model must not evict another one, so it is added only now.
    if (!permanent.has(alias)) addToOthers(alias, follower);
    return referenceTo(current, alias, options);
  }

  function addToOthers(alias: string, follower: AliasFollower): void {
    others.delete(alias);
    others.set(alias, follower);
    const [oldest] = others.keys();
    if (others.size > maxOtherAliases && oldest !== undefined) others.delete(oldest);
  }

  /** If the canary can't be served, the default alias answers its clients. */
  async function resolveClient(
    client: string | null,
    background: Background,
  ): Promise<ModelReference> {
    if (canary && isInShare(client, canary, random)) {
      const failure = permanent.get(canary.alias)?.failure();
      if (!failure || now() >= failure.retryAt) {
        const fromBucket = () => resolveAlias(canary.alias, background);
        const none = async (): Promise<ModelReference | null> => null;
        const found = carried
          ? await carried.canaryOrNone(fromBucket, none, background)
          : await fromBucket().catch(() => null);
        if (found) return found;
      }
    }
    return resolveMain(background);
  }

  async function resolveVersion(version: string, background: Background): Promise<ModelReference> {
    const load = (from: VersionSource): Promise<ModelReference> => {
      // A version is the same wherever it is from.
      const found = { name, version, alias: null, from, isSnapshot: false };
      return models.withModel(from, version, () => found, { background });
    };
    if (snapshot === null || models.has(name, version)) return load(options);
    // The deployment's own version must not wait for a bucket that does not answer.
    const isCarried = await readManifest(snapshot, version).then(
      () => true,
      () => false,
    );
    return load(isCarried ? snapshot : options);
  }

  return {
    async resolve(choice, background) {
      if ('client' in choice) return resolveClient(choice.client, background);
      if ('alias' in choice) return resolveAlias(choice.alias, background);
      return resolveVersion(choice.version, background);
    },
    poll: async (background) => {
      await Promise.all(Array.from(permanent.values(), (follower) => follower.poll(background)));
    },
    failures: () =>
      Array.from(permanent, ([alias, follower]) => ({ alias, failure: follower.failure() })),
  };
}

const referenceTo = (
  current: Alias,
  alias: string,
  from: VersionSource,
  isSnapshot = false,
): ModelReference => ({
  name: from.name,
  version: current.version,
  alias: { ...current, name: alias },
  from,
  isSnapshot,
});

/** The alias that the deployment carries. Its model is not kept in memory: while the bucket answers, nothing needs it. */
const followSnapshot = (options: FollowedModelOptions, snapshot: VersionSource): AliasFollower =>
  followAlias({
    ...options,
    ...snapshot,
    keepInMemory: false,
    pollMilliseconds: Number.POSITIVE_INFINITY,
    onSwap: undefined,
  });

/**
 * Decides whether the canary answers a client. The decision is the same for every request and in every
 * Worker. A larger percentage keeps the clients of a smaller one. Each alias selects other clients.
 *
 * @param client identifies the client. `null`: unknown, a random number decides
 * @param canary `percent` from 0 to 100
 */
function isInShare(
  client: string | null,
  { alias, percent }: { alias: string; percent: number },
  random: () => number,
): boolean {
  const position = client === null ? random() : hash(`${alias}\n${client}`) / 2 ** 32;
  return position < percent / 100;
}

/**
 * A 32-bit hash: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), then MurmurHash3's last step
 * (fmix32). FNV-1a by itself maps names that differ in their last letter to close values.
 */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) bits = Math.imul(bits ^ byte, 0x01000193);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
