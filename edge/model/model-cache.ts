import { ModelError } from '../errors.ts';
import type { LoadVersion } from './load-version.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { VersionSource } from './read-manifest.ts';

/** The versions in memory. */
export interface ModelCache {
  /**
   * Runs `use` on a version, loading it first where it is not in memory.
   *
   * `use` is synchronous, so that no model is ever disposed of while it's in use.
   *
   * @throws {ModelError | StoreError} where it can't be loaded; `busy` where too many others are being loaded
   */
  withModel<Result>(version: string, use: (model: LoadedModel) => Result): Promise<Result>;
  /**
   * Loads a version where it is not in memory, and keeps it there until it's let go of.
   *
   * @returns lets go of it
   * @throws {ModelError | StoreError}
   */
  acquire(version: string): Promise<() => void>;
  /** Brings the code that loads, so that this can be done beside a look at the bucket. */
  prepare(): Promise<unknown>;
  /** Those in memory, the least recently used first. */
  versions(): string[];
}

export interface ModelCacheOptions extends VersionSource {
  openLoader: () => Promise<LoadVersion>;
  /** Called after each load, successful or not. */
  onLoad?: ((succeeded: boolean) => void) | undefined;
  /** What the weights in memory may take together. Models that are held, and the one asked for last, stay all the same. */
  maxModelBytes: number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/**
 * A load that takes longer is given up on and another request starts its own. The runtime may have
 * cut off the request that began it, and then it never ends.
 */
export const maxLoadMilliseconds = 20_000;
/** Each holds a version's files twice while it goes on; versions are named by whoever asks. */
const maxConcurrentLoads = 4;
/** A version that is damaged, or none, is not looked for again before, unless an alias names it. */
const failureKeptMilliseconds = 5000;
const maxKnownFailures = 100;

interface Resident {
  model: LoadedModel;
  holders: number;
}

interface Load {
  startedAt: number;
  done: Promise<void>;
}

/** Keeps the models that were used last in memory, within a bound. */
export function openModelCache(options: ModelCacheOptions): ModelCache {
  const { openLoader, onLoad, maxModelBytes, now } = options;
  // A Map keeps the order of insertion: the least recently used comes first.
  const residents = new Map<string, Resident>();
  const loads = new Map<string, Load>();
  const failures = new Map<string, { error: ModelError; until: number }>();

  async function withResident<Result>(
    version: string,
    use: (resident: Resident) => Result,
  ): Promise<Result> {
    let resident = residents.get(version);
    // One that is loaded may be gone again before whoever waits for it goes on.
    for (; resident === undefined; resident = residents.get(version)) await load(version);
    residents.delete(version);
    residents.set(version, resident);
    return use(resident);
  }

  function load(version: string): Promise<void> {
    const running = loads.get(version);
    if (running && now() - running.startedAt < maxLoadMilliseconds) return running.done;
    const mine: Load = { startedAt: now(), done: Promise.resolve() };
    mine.done = startLoad(version).finally(() => {
      if (loads.get(version) === mine) loads.delete(version);
    });
    loads.set(version, mine);
    return mine.done;
  }

  async function startLoad(version: string): Promise<void> {
    const loadVersion = await openLoader();
    let model: LoadedModel;
    try {
      model = await loadVersion(options, version);
    } catch (error) {
      onLoad?.(false);
      if (error instanceof ModelError) noteFailure(version, error);
      throw error;
    }
    onLoad?.(true);
    failures.delete(version);
    // A load that took too long was abandoned, and another one may have finished first.
    if (residents.has(version)) return model.dispose();
    residents.set(version, { model, holders: 0 });
    evict(version);
  }

  function noteFailure(version: string, error: ModelError): void {
    failures.delete(version);
    failures.set(version, { error, until: now() + failureKeptMilliseconds });
    const [oldest] = failures.keys();
    if (failures.size > maxKnownFailures && oldest !== undefined) failures.delete(oldest);
  }

  /** @param spared stays whatever it takes */
  function evict(spared?: string): void {
    let bytes = 0;
    for (const { model } of residents.values()) bytes += model.bytes;
    for (const [version, { model, holders }] of residents) {
      if (bytes <= maxModelBytes) return;
      if (holders > 0 || version === spared) continue;
      residents.delete(version);
      model.dispose();
      bytes -= model.bytes;
    }
  }

  function checkMayLoad(version: string): void {
    const failure = failures.get(version);
    if (failure && now() < failure.until) throw failure.error;
    const running = Array.from(loads.values()).filter(
      ({ startedAt }) => now() - startedAt < maxLoadMilliseconds,
    );
    if (!loads.has(version) && running.length >= maxConcurrentLoads) {
      throw new ModelError('busy', `${running.length} other versions are being loaded just now.`);
    }
  }

  return {
    prepare: openLoader,
    async withModel(version, use) {
      if (!residents.has(version)) checkMayLoad(version);
      return withResident(version, ({ model }) => use(model));
    },
    acquire: (version) =>
      withResident(version, (resident) => {
        resident.holders++;
        let isHeld = true;
        return function release() {
          if (!isHeld) return;
          isHeld = false;
          resident.holders--;
          evict();
        };
      }),
    versions: () => Array.from(residents.keys()),
  };
}
