import type { Alias } from '../../shared/registry/manifest.ts';
import { StoreError } from '../../shared/registry/object-store.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, publishedSchemas } from '../store/published.ts';
import { verifyAlias } from './check-alias.ts';
import { type ModelCache, maxLoadMilliseconds } from './model-cache.ts';
import type { VersionSource } from './read-manifest.ts';

/** Follows one alias, and moves only to versions that load. */
export interface AliasFollower {
  /**
   * Returns the alias as it was when it last named a version that loads. Waits if no version is loaded
   * yet. If the last check is older than the poll interval, starts another one in the background.
   *
   * @throws {ModelError | StoreError} if there is no version to serve
   */
  ready(background: Background): Promise<Alias>;
  /** Polls the alias now. Never rejects: `failure` returns what went wrong. */
  poll(background: Background): Promise<void>;
  /** Why the alias's current version is not served. `null`: no failure. */
  failure(): LoadFailure | null;
}

export interface LoadFailure {
  /** The version that failed, or `null` if the alias itself could not be read. */
  version: string | null;
  error: unknown;
  /** Failed attempts in a row. */
  attempts: number;
  /** By the clock of the followers. There is no earlier retry, unless the alias moves. */
  retryAt: number;
}

export interface AliasFollowerOptions extends VersionSource {
  alias: string;
  models: ModelCache;
  /** Keeps the alias's model in memory. Otherwise the cache may evict it. */
  keepInMemory: boolean;
  pollMilliseconds: number;
  /** Called when a newer version has replaced another one. */
  onSwap?: (() => void) | undefined;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
  /** The error to throw if the alias does not exist. */
  aliasMissing: () => ModelError;
}

/** The wait after the first failure. It doubles with each further one. */
const firstRetryMilliseconds = 1000;
const maxRetryMilliseconds = 60_000;
/** A bucket that does not answer recovers by itself, and a bad version does not. */
const maxStoreRetryMilliseconds = 5000;

export function followAlias(options: AliasFollowerOptions): AliasFollower {
  const { store, layout, name, models, pollMilliseconds, now } = options;
  const key = layout.alias(name, options.alias);
  let served: { alias: Alias; release: () => void } | null = null;
  let latest: { alias: Alias; etag: string } | null = null;
  let failure: LoadFailure | null = null;
  let running: { startedAt: number; done: Promise<void> } | null = null;
  let checkedAt = Number.NEGATIVE_INFINITY;
  /** The time of the newest record that was accepted. */
  let newest = 0;

  /** Requests share one check at a time. */
  function poll(background: Background): Promise<void> {
    if (running && now() - running.startedAt < maxLoadMilliseconds) return running.done;
    const check = { startedAt: now(), done: Promise.resolve() };
    const isCurrent = () => running === check;
    const preparing = models.prepare();
    // If the alias can't be read, the check ends before this import does. The next check shares it.
    background.waitUntil(preparing);
    check.done = checkAlias(preparing, isCurrent).finally(() => {
      if (isCurrent()) running = null;
      checkedAt = now();
    });
    running = check;
    // Other requests share the promise: it must continue if this request's client disconnects.
    background.waitUntil(check.done);
    return check.done;
  }

  async function checkAlias(preparing: Promise<unknown>, isCurrent: () => boolean): Promise<void> {
    let version: string | null = null;
    try {
      const [alias] = await Promise.all([readAlias(), preparing]);
      version = alias.version;
      if (served?.alias.version === version) {
        served = { ...served, alias };
      } else if (failure?.version !== version || now() >= failure.retryAt) {
        const release = await load(options, version);
        if (!isCurrent()) return release();
        if (served) options.onSwap?.();
        served?.release();
        served = { alias, release };
      } else {
        return;
      }
      failure = null;
    } catch (error) {
      if (isCurrent()) failure = nextFailure(failure, version, error, now());
    }
  }

  async function readAlias(): Promise<Alias> {
    const object = latest ? await store.getIfChanged(key, latest.etag) : await store.get(key);
    if (object === 'unchanged' && latest) return latest.alias;
    if (object === null || object === 'unchanged') {
      latest = null;
      throw options.aliasMissing();
    }
    const { aliasSchema } = await publishedSchemas();
    const alias = parsePublished(object.bytes, aliasSchema, `The alias ${key}`);
    await verifyAlias(options, options.alias, alias, newest);
    newest = Date.parse(alias.updatedAt);
    latest = { alias, etag: object.etag };
    return alias;
  }

  return {
    async ready(background) {
      if (served === null) await poll(background);
      else if (now() - checkedAt >= pollMilliseconds) poll(background);
      if (served !== null) return served.alias;
      throw failure?.error ?? new ModelError('no_model', `No version of ${name} is loaded yet.`);
    },
    poll,
    failure: () => failure,
  };
}

async function load(options: AliasFollowerOptions, version: string): Promise<() => void> {
  try {
    const { models, keepInMemory } = options;
    if (keepInMemory) return await models.acquire(options, version);
    return await models.withModel(options, version, () => () => {}, { waits: true });
  } catch (cause) {
    // The request named an alias, not a version, so a missing version is not the client's mistake.
    if (cause instanceof ModelError && cause.code === 'version_not_found') {
      throw new ModelError('bad_model', cause.message, { cause });
    }
    throw cause;
  }
}

function nextFailure(
  before: LoadFailure | null,
  version: string | null,
  error: unknown,
  now: number,
): LoadFailure {
  const attempts = before?.version === version ? before.attempts + 1 : 1;
  const longest = error instanceof StoreError ? maxStoreRetryMilliseconds : maxRetryMilliseconds;
  const wait = Math.min(firstRetryMilliseconds * 2 ** (attempts - 1), longest);
  return { version, error, attempts, retryAt: now + wait };
}

/** Keeps work running after the answer to the request that started it. */
export type Background = Pick<ExecutionContext, 'waitUntil'>;
