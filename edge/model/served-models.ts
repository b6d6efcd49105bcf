import type { Alias } from '../../shared/registry/manifest.ts';
import { ModelError } from '../errors.ts';
import { type AliasFollower, followAlias, type LoadFailure } from './alias-follower.ts';
import type { Background } from './background.ts';
import type { LoadVersion } from './load-version.ts';
import type { LoadedModel } from './loaded-model.ts';
import { openModelCache } from './model-cache.ts';
import type { VersionSource } from './read-manifest.ts';

/** Which model a request asks for. One that asks for none is told apart by its client, where the clients are split. */
export type ModelChoice = { version: string } | { alias: string } | { client: string | null };

/** What a request is answered with, from its first step to its last: an alias that moves meanwhile changes nothing. */
export interface ModelReference {
  version: string;
  /** The alias that led to it, `null` where the version was asked for by itself. */
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
   * Settles which version answers, and loads it where it's not in memory.
   *
   * @throws {ModelError | StoreError} `no_model`, `bad_model`, `alias_not_found`, `version_not_found`, `busy`
   */
  resolve(choice: ModelChoice, background: Background): Promise<ModelReference>;
  /**
   * Runs `use`, which is synchronous, on the model.
   *
   * @throws {ModelError | StoreError} where it has left memory since, and can't be loaded again
   */
  withModel<Result>(reference: ModelReference, use: (served: Served) => Result): Promise<Result>;
  /** Looks at the aliases that are always followed now. It never rejects. */
  look(background: Background): Promise<void>;
  /** Why what an alias that is always followed points at is not served, `null` where all is well. */
  failures(): { alias: string; failure: LoadFailure | null }[];
  /** The versions in memory, the least recently used first. */
  versions(): string[];
}

export interface ServedModelsOptions extends VersionSource {
  /** What answers whoever asks for nothing else. */
  alias: string;
  /** The alias that a share of the clients is answered with instead. */
  canary: { alias: string; percent: number } | null;
  /** What the weights in memory may take together. */
  maxModelBytes: number;
  pollMilliseconds: number;
  openLoader: () => Promise<LoadVersion>;
  /** Called after each load, successful or not. */
  onLoad?: ((succeeded: boolean) => void) | undefined;
  /** Told when an alias's next version has taken the place of the one before. */
  onSwap?: () => void;
  /** Milliseconds since 1970. */
  now: () => number;
  /** @returns a number from 0 to below 1 */
  random: () => number;
}

/** How many aliases are followed because somebody asked for them. The least recently asked for goes. */
const maxOtherAliases = 8;

export function serveModels(options: ServedModelsOptions): ServedModels {
  const { name, canary, now, random } = options;
  const models = openModelCache(options);
  const follow = (alias: string, holds: boolean, absent: () => ModelError) =>
    followAlias({ ...options, alias, models, holds, absent });

  const main = follow(options.alias, true, () => {
    const detail = `The alias ${options.alias} of ${name} does not exist. Train and publish a model first: npm start does both.`;
    return new ModelError('no_model', detail);
  });
  const always = new Map([[options.alias, main]]);
  if (canary && canary.alias !== options.alias) {
    always.set(canary.alias, follow(canary.alias, true, notFound(canary.alias)));
  }
  // The least recently asked for comes first.
  const further = new Map<string, AliasFollower>();

  function notFound(alias: string) {
    return () => new ModelError('alias_not_found', `${name} has no alias ${alias}.`);
  }

  async function followed(alias: string, background: Background): Promise<ModelReference> {
    const permanent = always.get(alias);
    if (permanent) return toReference(alias, await permanent.ready(background));
    const follower = further.get(alias) ?? follow(alias, false, notFound(alias));
    const current = await follower.ready(background);
    // Followed only from here on: names that lead nowhere push nothing out.
    further.delete(alias);
    further.set(alias, follower);
    const [oldest] = further.keys();
    if (further.size > maxOtherAliases && oldest !== undefined) further.delete(oldest);
    return toReference(alias, current);
  }

  /** A canary that can't be served costs nobody an answer. */
  async function ofClient(client: string | null, background: Background): Promise<ModelReference> {
    if (canary && isInShare(client, canary, random)) {
      const failure = always.get(canary.alias)?.failure();
      if (!failure || now() >= failure.retryAt) {
        const reference = await followed(canary.alias, background).catch(() => null);
        if (reference) return reference;
      }
    }
    return followed(options.alias, background);
  }

  return {
    async resolve(choice, background) {
      if ('client' in choice) return ofClient(choice.client, background);
      if ('alias' in choice) return followed(choice.alias, background);
      return models.withModel(choice.version, () => ({ version: choice.version, alias: null }));
    },
    withModel: ({ version, alias }, use) =>
      models.withModel(version, (model) => use({ model, alias })),
    look: async (background) => {
      await Promise.all(Array.from(always.values(), (follower) => follower.look(background)));
    },
    failures: () =>
      Array.from(always, ([alias, follower]) => ({ alias, failure: follower.failure() })),
    versions: models.versions,
  };
}

const toReference = (name: string, alias: Alias): ModelReference => ({
  version: alias.version,
  alias: { ...alias, name },
});

/**
 * Tells whether a client is one of a canary's share. The same client always is or always isn't, also at another Worker, and who is at
 * 5 % still is at 10 %. Another alias takes another 5 %.
 *
 * @param client what tells clients apart; `null` where nothing does, and chance decides
 * @param canary `percent` from 0 to 100
 */
export function isInShare(
  client: string | null,
  { alias, percent }: { alias: string; percent: number },
  random: () => number,
): boolean {
  const place = client === null ? random() : hash(`${alias}\n${client}`) / 2 ** 32;
  return place < percent / 100;
}

/**
 * 32 bits of a text: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), then MurmurHash3's last step (fmix32), for FNV alone puts
 * names that differ in their last letter close together.
 */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) bits = Math.imul(bits ^ byte, 0x01000193);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
