import type { Alias } from '../../shared/registry/manifest.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, publishedSchemas } from '../store/published.ts';
import type { Background } from './background.ts';
import { type ModelCache, maxLoadMilliseconds } from './model-cache.ts';
import type { VersionSource } from './read-manifest.ts';

/** Knows which version an alias points at, and moves on only to one that loads. */
export interface AliasFollower {
  /**
   * Waits for the first version where there is none yet. Looks at the alias again, behind the answer, where the last look has grown
   * old.
   *
   * @returns the alias as it was when it last named a version that loads
   * @throws {ModelError | StoreError} where there is none to serve
   */
  ready(background: Background): Promise<Alias>;
  /** Looks at the alias now. It never rejects: what went wrong is the failure. */
  look(background: Background): Promise<void>;
  /** Why the alias's present version is not served, `null` where all is well. */
  failure(): LoadFailure | null;
}

export interface LoadFailure {
  /** The version that failed, `null` where it was the alias itself. */
  version: string | null;
  error: unknown;
  /** How many times in a row. */
  attempts: number;
  /** Milliseconds since 1970: not tried again before, unless the alias moves. */
  retryAt: number;
}

export interface AliasFollowerOptions extends VersionSource {
  alias: string;
  models: ModelCache;
  /** Keeps the alias's model in memory. Otherwise it stays as long as there's room. */
  holds: boolean;
  /** How old the last look at the alias may grow. */
  pollMilliseconds: number;
  /** Told when a newer version has taken the place of another. */
  onSwap?: (() => void) | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
  /** What it throws where there is no such alias. */
  absent: () => ModelError;
}

/** The wait after a first failure; it doubles with each further one. */
const firstRetryMilliseconds = 1000;
const maxRetryMilliseconds = 60_000;

/** Follows an alias: loads its version, and goes over to the next one when it moves and the new one is good. */
export function followAlias(options: AliasFollowerOptions): AliasFollower {
  const { store, layout, name, models, pollMilliseconds, now } = options;
  const key = layout.alias(name, options.alias);
  let served: { alias: Alias; release: () => void } | null = null;
  let seen: { alias: Alias; etag: string } | null = null;
  let failure: LoadFailure | null = null;
  let running: { startedAt: number; done: Promise<void> } | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** One look at a time. */
  function look(background: Background): Promise<void> {
    if (running && now() - running.startedAt < maxLoadMilliseconds) return running.done;
    const mine = { startedAt: now(), done: Promise.resolve() };
    const isCurrent = () => running === mine;
    const preparing = models.prepare();
    // An alias that can't be read ends the look before the import, which the next look shares with this one.
    background.waitUntil(preparing);
    mine.done = followOnce(preparing, isCurrent).finally(() => {
      if (isCurrent()) running = null;
      lookedAt = now();
    });
    running = mine;
    // The promise is shared: it must outlive this request's client.
    background.waitUntil(mine.done);
    return mine.done;
  }

  async function followOnce(preparing: Promise<unknown>, isCurrent: () => boolean): Promise<void> {
    let version: string | null = null;
    try {
      const [alias] = await Promise.all([readAlias(), preparing]);
      version = alias.version;
      if (served?.alias.version === version) {
        served = { ...served, alias };
      } else if (failure?.version !== version || now() >= failure.retryAt) {
        const release = await bring(version);
        if (!isCurrent()) return release();
        if (served) options.onSwap?.();
        served?.release();
        served = { alias, release };
      } else {
        return;
      }
      failure = null;
    } catch (error) {
      if (isCurrent()) noteFailure(version, error);
    }
  }

  async function bring(version: string): Promise<() => void> {
    try {
      if (options.holds) return await models.acquire(version);
      return await models.withModel(version, () => () => {});
    } catch (cause) {
      // The client asked for no version: that the alias names one that is not there is not the client's mistake.
      if (cause instanceof ModelError && cause.code === 'version_not_found') {
        throw new ModelError('bad_model', cause.message, { cause });
      }
      throw cause;
    }
  }

  async function readAlias(): Promise<Alias> {
    const object = seen ? await store.getIfChanged(key, seen.etag) : await store.get(key);
    if (object === 'unchanged' && seen) return seen.alias;
    if (object === null || object === 'unchanged') {
      seen = null;
      throw options.absent();
    }
    const { aliasSchema } = await publishedSchemas();
    const alias = parsePublished(object.bytes, aliasSchema, `The alias ${key}`);
    seen = { alias, etag: object.etag };
    return alias;
  }

  function noteFailure(version: string | null, error: unknown): void {
    const attempts = failure?.version === version ? failure.attempts + 1 : 1;
    const wait = Math.min(firstRetryMilliseconds * 2 ** (attempts - 1), maxRetryMilliseconds);
    failure = { version, error, attempts, retryAt: now() + wait };
  }

  return {
    async ready(background) {
      if (served === null) await look(background);
      else if (now() - lookedAt >= pollMilliseconds) look(background);
      if (served !== null) return served.alias;
      throw failure?.error ?? new ModelError('no_model', `No version of ${name} is loaded yet.`);
    },
    look,
    failure: () => failure,
  };
}
