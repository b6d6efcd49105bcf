import { ModelError } from '../errors.ts';
import type { LoadVersion } from './load-version.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { VersionSource } from './read-manifest.ts';

/** The versions in memory. */
export interface ModelCache {
  /**
   * Runs `use` on a version of the source's model, and loads it first if it is not in memory. `use` is synchronous, so that no
   * model is disposed of while it is in use.
   *
   * @throws {ModelError | StoreError} if the version can't be loaded; `busy` if too many others are loading
   */
  withModel<Result>(
    source: VersionSource,
    version: string,
    use: (model: LoadedModel) => Result,
    options?: LoadOptions,
  ): Promise<Result>;
  /**
   * Loads a version if it is not in memory, and keeps it there until it is released.
   *
   * @returns a function that releases it
   * @throws {ModelError | StoreError}
   */
  acquire(source: VersionSource, version: string): Promise<() => void>;
  /** Imports the code that loads versions, so that it can run beside a read of the bucket. */
  prepare(): Promise<unknown>;
  /** Whether a version is in memory. */
  has(name: string, version: string): boolean;
  /** The models in memory, the least recently used first. */
  inMemory(): { name: string; version: string }[];
}

export interface LoadOptions {
  /** Completes the load even if the client disconnects: other requests may wait for it. */
  background?: Pick<ExecutionContext, 'waitUntil'>;
  /** Waits while too many others are loading (default: the load is refused). */
  waits?: boolean;
}

export interface ModelCacheOptions {
  openLoader: () => Promise<LoadVersion>;
  /** Called after each load, successful or not. */
  onLoad?: ((succeeded: boolean) => void) | undefined;
  /** Limits the weights in memory. Acquired models and the last one loaded stay in any case. */
  maxModelBytes: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/**
 * A load that takes longer is abandoned, and another request starts its own. The runtime may have
 * stopped the request that started it, in which case it never ends.
 */
export const maxLoadMilliseconds = 20_000;
/** Each load holds a version's files twice, and any client may name any version. */
const maxConcurrentLoads = 4;
/** The loads that may wait for others, and for how long. */
const maxWaitingLoads = 64;
const maxWaitMilliseconds = 10_000;
/** How often a load that waits looks whether it is its turn. */
const turnMilliseconds = 20;
/** How long a failed load is not repeated, except if an alias names the version. */
const failureKeptMilliseconds = 5000;
const maxKnownFailures = 100;

interface RunningLoad {
  startedAt: number;
  done: Promise<void>;
}

interface Entry {
  model: LoadedModel;
  holders: number;
}

/** Keeps the most recently used models in memory, up to a limit. */
export function openModelCache(options: ModelCacheOptions): ModelCache {
  const { openLoader, onLoad, maxModelBytes, now } = options;
  const keyOf = ({ name }: Pick<VersionSource, 'name'>, version: string) => `${name}/${version}`;
  // A Map keeps the order of insertion: the least recently used entry comes first.
  const entries = new Map<string, Entry>();
  const loads = new Map<string, RunningLoad>();
  const failures = recentFailures(now);
  const untilFree = waitForTurn(loads, now);

  async function withEntry<Result>(
    source: VersionSource,
    version: string,
    use: (entry: Entry) => Result,
  ): Promise<Result> {
    const key = keyOf(source, version);
    let entry = entries.get(key);
    // A loaded model may be evicted before the code that waits for it continues.
    for (; entry === undefined; entry = entries.get(key)) await load(source, version);
    entries.delete(key);
    entries.set(key, entry);
    return use(entry);
  }

  function load(source: VersionSource, version: string): Promise<void> {
    const key = keyOf(source, version);
    const running = loads.get(key);
    if (running && now() - running.startedAt < maxLoadMilliseconds) return running.done;
    const started = { startedAt: now(), done: Promise.resolve() };
    started.done = startLoad(source, version).finally(() => {
      if (loads.get(key) === started) loads.delete(key);
    });
    loads.set(key, started);
    return started.done;
  }

  async function startLoad(source: VersionSource, version: string): Promise<void> {
    const key = keyOf(source, version);
    const loadVersion = await openLoader();
    let model: LoadedModel;
    try {
      model = await loadVersion(source, version);
    } catch (error) {
      onLoad?.(false);
      if (error instanceof ModelError) failures.add(key, error);
      throw error;
    }
    onLoad?.(true);
    failures.delete(key);
    // If this load was abandoned, another one may have finished first.
    if (entries.has(key)) return model.dispose();
    entries.set(key, { model, holders: 0 });
    evict(entries, maxModelBytes, key);
  }

  return {
    prepare: openLoader,
    async withModel(source, version, use, { background, waits = false } = {}) {
      const key = keyOf(source, version);
      if (!entries.has(key)) {
        const error = failures.get(key);
        if (error) throw error;
        const turn = untilFree(key, waits);
        if (turn) await turn;
        background?.waitUntil(load(source, version).catch(() => {}));
      }
      return withEntry(source, version, ({ model }) => use(model));
    },
    acquire: (source, version) =>
      withEntry(source, version, (entry) => {
        entry.holders++;
        let isHeld = true;
        return function release() {
          if (!isHeld) return;
          isHeld = false;
          entry.holders--;
          evict(entries, maxModelBytes);
        };
      }),
    has: (name, version) => entries.has(keyOf({ name }, version)),
    inMemory: () =>
      Array.from(entries.values(), ({ model: { manifest } }) => ({
        name: manifest.name,
        version: manifest.version,
      })),
  };
}

/**
 * Disposes of the least recently used models until the others fit.
 *
 * @param spared the key of a model that stays in any case
 */
function evict(entries: Map<string, Entry>, maxModelBytes: number, spared?: string): void {
  let bytes = 0;
  for (const { model } of entries.values()) bytes += model.bytes;
  for (const [key, { model, holders }] of entries) {
    if (bytes <= maxModelBytes) return;
    if (holders > 0 || key === spared) continue;
    entries.delete(key);
    model.dispose();
    bytes -= model.bytes;
  }
}

/**
 * Makes a function that lets only a few loads run at a time. Those that wait take their turn in any order.
 *
 * @returns throws `busy` if a load may not wait, or has waited too long
 */
function waitForTurn(loads: ReadonlyMap<string, RunningLoad>, now: () => number) {
  let waiting = 0;
  const runningLoads = () =>
    Array.from(loads.values()).filter(({ startedAt }) => now() - startedAt < maxLoadMilliseconds);

  /** Does not wait in the common case: the load has to be known before the next request is read. */
  function untilFree(key: string, waits: boolean): Promise<void> | null {
    return isFree(key, runningLoads()) ? null : waitUntilFree(key, waits);
  }

  const isFree = (key: string, running: RunningLoad[]) =>
    loads.has(key) || running.length < maxConcurrentLoads;

  async function waitUntilFree(key: string, waits: boolean): Promise<void> {
    const startedAt = now();
    for (let running = runningLoads(); !isFree(key, running); running = runningLoads()) {
      if (!waits || waiting >= maxWaitingLoads || now() - startedAt >= maxWaitMilliseconds) {
        throw new ModelError('busy', `${running.length} other versions are being loaded.`);
      }
      waiting++;
      try {
        // A promise of another request would be resolved in that request's context.
        await new Promise((resolve) => setTimeout(resolve, turnMilliseconds));
      } finally {
        waiting--;
      }
    }
  }

  return untilFree;
}

/** The errors of loads that failed a short while ago. */
function recentFailures(now: () => number) {
  const failures = new Map<string, { error: ModelError; until: number }>();
  return {
    get(key: string): ModelError | null {
      const failure = failures.get(key);
      return failure && now() < failure.until ? failure.error : null;
    },
    add(key: string, error: ModelError): void {
      failures.delete(key);
      failures.set(key, { error, until: now() + failureKeptMilliseconds });
      const [oldest] = failures.keys();
      if (failures.size > maxKnownFailures && oldest !== undefined) failures.delete(oldest);
    },
    delete: (key: string) => failures.delete(key),
  };
}
