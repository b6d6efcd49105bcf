import { type Alias, aliasSchema } from '../../shared/manifest.ts';
import type { Background } from '../background.ts';
import { parseJson } from '../parse-json.ts';
import type { LoadVersion, VersionSource } from './load-version.ts';
import type { LoadedModel } from './loaded-model.ts';
import { ModelError } from './model-error.ts';

/** The model that an alias points at, kept current. */
export interface AliasFollower {
  /**
   * Runs `use` on the model being served, loading it first where none is. Looks at the alias again,
   * behind the answer, where the last look has grown old.
   *
   * `use` is synchronous, so that no model is ever disposed of while it's in use.
   *
   * @throws {ModelError | StoreError} where there is no model to serve
   */
  withModel<Result>(background: Background, use: (served: Served) => Result): Promise<Result>;
  /**
   * Loads the model where none is being served.
   *
   * @throws {ModelError | StoreError} where there is none to serve
   */
  ready(background: Background): Promise<void>;
  /** Why the alias's present version is not served, `null` where all is well. */
  failure(): LoadFailure | null;
}

export interface Served {
  model: LoadedModel;
  aliasName: string;
  alias: Alias;
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
  /** How old the last look at the alias may grow. */
  pollMilliseconds: number;
  /** Brings what loads a version; asked for with every look, so that it can be brought beside it. */
  openLoader: () => Promise<LoadVersion>;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** The wait after a first failure; it doubles with each further one. */
const firstRetryMilliseconds = 1000;
const longestRetryMilliseconds = 60_000;

/**
 * A look that takes longer is given up on and another request starts its own. The runtime may have
 * cut off the request that began it, and then it never ends.
 */
const longestLookMilliseconds = 20_000;

/** Follows an alias: loads its version, and swaps models when it moves and the new one is good. */
export function followAlias(options: AliasFollowerOptions): AliasFollower {
  const { store, layout, name, publicKeys, pollMilliseconds, openLoader, now } = options;
  const key = layout.alias(name, options.alias);
  let served: Served | null = null;
  let seen: { alias: Alias; etag: string } | null = null;
  let failure: LoadFailure | null = null;
  let look: { startedAt: number; done: Promise<void> } | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** One look at a time; it never rejects. */
  function startLook(background: Background): Promise<void> {
    if (look && now() - look.startedAt < longestLookMilliseconds) return look.done;
    const mine = { startedAt: now(), done: Promise.resolve() };
    const isCurrent = () => look === mine;
    mine.done = followOnce(isCurrent).finally(() => {
      if (isCurrent()) look = null;
      lookedAt = now();
    });
    look = mine;
    // The promise is shared: it must outlive this request's client.
    background.waitUntil(mine.done);
    return mine.done;
  }

  async function followOnce(isCurrent: () => boolean): Promise<void> {
    let version: string | null = null;
    try {
      const [alias, loadVersion] = await Promise.all([readAlias(), openLoader()]);
      version = alias.version;
      if (served?.alias.version === version) {
        served = { ...served, alias };
      } else if (failure?.version !== version || now() >= failure.retryAt) {
        const model = await loadVersion({ store, layout, name, publicKeys }, version);
        if (!isCurrent()) return model.dispose();
        served?.model.dispose();
        served = { model, aliasName: options.alias, alias };
      } else {
        return;
      }
      failure = null;
    } catch (error) {
      if (isCurrent()) noteFailure(version, error);
    }
  }

  async function readAlias(): Promise<Alias> {
    const object = seen ? await store.getIfChanged(key, seen.etag) : await store.get(key);
    if (object === 'unchanged' && seen) return seen.alias;
    if (object === null || object === 'unchanged') {
      seen = null;
      throw new ModelError(
        'no_model',
        `The alias ${options.alias} of ${name} does not exist. Train and publish a model first: npm start does both.`,
      );
    }
    const alias = parseAlias(object.bytes);
    seen = { alias, etag: object.etag };
    return alias;
  }

  function parseAlias(bytes: Uint8Array): Alias {
    try {
      return parseJson(bytes, aliasSchema, `The alias ${key}`);
    } catch (cause) {
      throw new ModelError('bad_model', (cause as Error).message, { cause });
    }
  }

  function noteFailure(version: string | null, error: unknown): void {
    const attempts = failure?.version === version ? failure.attempts + 1 : 1;
    const wait = Math.min(firstRetryMilliseconds * 2 ** (attempts - 1), longestRetryMilliseconds);
    failure = { version, error, attempts, retryAt: now() + wait };
  }

  function current(): Served {
    if (served !== null) return served;
    throw failure?.error ?? new ModelError('no_model', `No version of ${name} is loaded yet.`);
  }

  async function ready(background: Background): Promise<void> {
    if (served === null) await startLook(background);
    else if (now() - lookedAt >= pollMilliseconds) startLook(background);
    current();
  }

  return {
    ready,
    async withModel(background, use) {
      await ready(background);
      return use(current());
    },
    failure: () => failure,
  };
}
