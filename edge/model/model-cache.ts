import { ModelError } from '../errors.ts';
import type { LoadVersion } from './load-version.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { VersionSource } from './read-manifest.ts';

/** The versions in memory. */
export interface ModelCache {
  /**
   * Runs `use` on a version, and loads it first if it is not in memory. `use` is synchronous, so that no
   * model is disposed of while it is in use.
   *
   * @param background completes the load even if the client disconnects: other requests may wait for it
   * @throws {ModelError | StoreError} if the version can't be loaded; `busy` if too many others are loading
   */
  withModel<Result>(
    version: string,
    use: (model: LoadedModel) => Result,
    background?: Pick<ExecutionContext, 'waitUntil'>,
  ): Promise<Result>;
  /**
   * Loads a version if it is not in memory, and keeps it there until it is released.
   *
   * @returns a function that releases the version
   * @throws {ModelError | StoreError}
   */
  acquire(version: string): Promise<() => void>;
  /** Imports the code that loads versions, so that it can run beside a read of the bucket. */
  prepare(): Promise<unknown>;
  /** The versions in memory, the least recently used first. */
  versions(): string[];
}

export interface ModelCacheOptions extends VersionSource {
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
/** How long a failed load is not repeated, except if an alias names the version. */
const failureKeptMilliseconds = 5000;
const maxKnownFailures = 100;

interface Entry {
  model: LoadedModel;
  holders: number;
}

/** Keeps the most recently used models in memory, up to a limit. */
export function openModelCache(options: ModelCacheOptions): ModelCache {
  const { openLoader, onLoad, maxModelBytes, now } = options;
  // A Map keeps the order of insertion: the least recently used entry comes first.
  const entries = new Map<string, Entry>();
  const loads = new Map<string, { startedAt: number; done: Promise<void> }>();
  const failures = recentFailures(now);

  async function withEntry<Result>(
    version: string,
    use: (entry: Entry) => Result,
  ): Promise<Result> {
    let entry = entries.get(version);
    // A loaded model may be evicted before the code that waits for it continues.
    for (; entry === undefined; entry = entries.get(version)) await load(version);
    entries.delete(version);
    entries.set(version, entry);
    return use(entry);
  }

  function load(version: string): Promise<void> {
    const running = loads.get(version);
    if (running && now() - running.startedAt < maxLoadMilliseconds) return running.done;
    const started = { startedAt: now(), done: Promise.resolve() };
    started.done = startLoad(version).finally(() => {
      if (loads.get(version) === started) loads.delete(version);
    });
    loads.set(version, started);
    return started.done;
  }

  async function startLoad(version: string): Promise<void> {
    const loadVersion = await openLoader();
    let model: LoadedModel;
    try {
      model = await loadVersion(options, version);
    } catch (error) {
      onLoad?.(false);
      if (error instanceof ModelError) failures.add(version, error);
      throw error;
    }
    onLoad?.(true);
    failures.delete(version);
    // If this load was abandoned, another one may have finished first.
    if (entries.has(version)) return model.dispose();
    entries.set(version, { model, holders: 0 });
    evict(entries, maxModelBytes, version);
  }

  function checkMayLoad(version: string): void {
    const error = failures.get(version);
    if (error) throw error;
    const running = Array.from(loads.values()).filter(
      ({ startedAt }) => now() - startedAt < maxLoadMilliseconds,
    );
    if (!loads.has(version) && running.length >= maxConcurrentLoads) {
      throw new ModelError('busy', `${running.length} other versions are being loaded.`);
    }
  }

  return {
    prepare: openLoader,
    async withModel(version, use, background) {
      if (!entries.has(version)) {
        checkMayLoad(version);
        background?.waitUntil(load(version).catch(() => {}));
      }
      return withEntry(version, ({ model }) => use(model));
    },
    acquire: (version) =>
      withEntry(version, (entry) => {
        entry.holders++;
        let isHeld = true;
        return function release() {
          if (!isHeld) return;
          isHeld = false;
          entry.holders--;
          evict(entries, maxModelBytes);
        };
      }),
    versions: () => Array.from(entries.keys()),
  };
}

/**
 * Disposes of the least recently used models until the others fit.
 *
 * @param spared a version that stays in any case
 */
function evict(entries: Map<string, Entry>, maxModelBytes: number, spared?: string): void {
  let bytes = 0;
  for (const { model } of entries.values()) bytes += model.bytes;
  for (const [version, { model, holders }] of entries) {
    if (bytes <= maxModelBytes) return;
    if (holders > 0 || version === spared) continue;
    entries.delete(version);
    model.dispose();
    bytes -= model.bytes;
  }
}

/** The errors of loads that failed a short while ago. */
function recentFailures(now: () => number) {
  const failures = new Map<string, { error: ModelError; until: number }>();
  return {
    get(version: string): ModelError | null {
      const failure = failures.get(version);
      return failure && now() < failure.until ? failure.error : null;
    },
    add(version: string, error: ModelError): void {
      failures.delete(version);
      failures.set(version, { error, until: now() + failureKeptMilliseconds });
      const [oldest] = failures.keys();
      if (failures.size > maxKnownFailures && oldest !== undefined) failures.delete(oldest);
    },
    delete: (version: string) => failures.delete(version),
  };
}
