/**
 * Finds the model that a request selects, and loads it. The files, in reading order:
 *
 *     served-models.ts   choice of a request → alias or version
 *     alias-follower.ts  alias → version, checked by ETag
 *     model-cache.ts     version → model in memory
 *     load-version.ts    manifest, signature and files of a version
 *     loaded-model.ts    TensorFlow.js model with its weights (weights.ts)
 *     network.ts         steps on the WebAssembly kernels
 *     predict.ts         images → predictions
 */
import type { Alias } from '../../shared/registry/manifest.ts';
import { ModelError } from '../errors.ts';
import {
  type AliasFollower,
  type AliasFollowerOptions,
  type Background,
  followAlias,
  type LoadFailure,
} from './alias-follower.ts';
import type { LoadedModel } from './loaded-model.ts';
import { type ModelCacheOptions, openModelCache } from './model-cache.ts';

/** The model that a request asks for. Without a version or an alias, the client decides about the canary. */
export type ModelChoice = { version: string } | { alias: string } | { client: string | null };

/** The version that answers a request. It stays the same even if the alias moves meanwhile. */
export interface ModelReference {
  version: string;
  /** The alias that led to the version, or `null` if the request named the version. */
  alias: NamedAlias | null;
}

export interface NamedAlias extends Alias {
  name: string;
}

export interface Served {
  model: LoadedModel;
  alias: NamedAlias | null;
}

/** The models that the Worker answers with. */
export interface ServedModels {
  /**
   * Finds the version that answers, and loads it if it is not in memory.
   *
   * @throws {ModelError | StoreError} `no_model`, `bad_model`, `alias_not_found`, `version_not_found`, `busy`
   */
  resolve(choice: ModelChoice, background: Background): Promise<ModelReference>;
  /**
   * Runs the synchronous function `use` on the model.
   *
   * @throws {ModelError | StoreError} if the model has left memory and can't be loaded again
   */
  withModel<Result>(reference: ModelReference, use: (served: Served) => Result): Promise<Result>;
  /** Polls the default and the canary alias now. Never rejects. */
  poll(background: Background): Promise<void>;
  /** Why the default and the canary alias can't be served. `null`: no failure. */
  failures(): { alias: string; failure: LoadFailure | null }[];
  /** The versions in memory, the least recently used first. */
  versions(): string[];
}

export interface ServedModelsOptions
  extends ModelCacheOptions,
    Pick<AliasFollowerOptions, 'pollMilliseconds' | 'onSwap'> {
  /** The default alias. */
  alias: string;
  /** The alias that answers `percent` of the clients instead. */
  canary: { alias: string; percent: number } | null;
  /** @returns a number from 0 to below 1 */
  random: () => number;
}

/** Aliases that are followed because a request named them. The least recently used one goes first. */
const maxOtherAliases = 8;

export function serveModels(options: ServedModelsOptions): ServedModels {
  const { name, canary, now, random } = options;
  const models = openModelCache(options);
  const follow = (alias: string, keepInMemory: boolean, aliasMissing: () => ModelError) =>
    followAlias({ ...options, alias, models, keepInMemory, aliasMissing });

  const main = follow(options.alias, true, () => {
    const detail = `The alias ${options.alias} of ${name} does not exist. Train and publish a model first: npm start does both.`;
    return new ModelError('no_model', detail);
  });
  const permanent = new Map([[options.alias, main]]);
  if (canary && canary.alias !== options.alias) {
    permanent.set(canary.alias, follow(canary.alias, true, notFound(canary.alias)));
  }
  // The least recently used comes first.
  const others = new Map<string, AliasFollower>();

  function notFound(alias: string) {
    return () => new ModelError('alias_not_found', `${name} has no alias ${alias}.`);
  }

  async function resolveAlias(alias: string, background: Background): Promise<ModelReference> {
    const follower =
      permanent.get(alias) ?? others.get(alias) ?? follow(alias, false, notFound(alias));
    const current = await follower.ready(background);
    // An alias without a model must not evict another one, so it is added only now.
    if (!permanent.has(alias)) addToOthers(alias, follower);
    return { version: current.version, alias: { ...current, name: alias } };
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
        const reference = await resolveAlias(canary.alias, background).catch(() => null);
        if (reference) return reference;
      }
    }
    return resolveAlias(options.alias, background);
  }

  return {
    async resolve(choice, background) {
      if ('client' in choice) return resolveClient(choice.client, background);
      if ('alias' in choice) return resolveAlias(choice.alias, background);
      const { version } = choice;
      return models.withModel(version, () => ({ version, alias: null }), background);
    },
    withModel: ({ version, alias }, use) =>
      models.withModel(version, (model) => use({ model, alias })),
    poll: async (background) => {
      await Promise.all(Array.from(permanent.values(), (follower) => follower.poll(background)));
    },
    failures: () =>
      Array.from(permanent, ([alias, follower]) => ({ alias, failure: follower.failure() })),
    versions: models.versions,
  };
}

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
