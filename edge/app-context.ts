import { bucketLayout } from '../shared/registry/bucket-layout.ts';
import type { ObjectStore } from '../shared/registry/object-store.ts';
import type { Configuration } from './configuration.ts';
import {
  type BodyLimits,
  type BodyReservation,
  bodyLimits,
  openBodyMemory,
} from './input/body-memory.ts';
import { openFallbacks } from './model/fallback.ts';
import type { LoadVersion } from './model/load-version.ts';
import { type ModelCatalogs, openCatalogs } from './model/model-catalog.ts';
import { type LogitsCache, openLogitsCache } from './model/predict.ts';
import { openIdsOfModels, type PredictionIds } from './model/prediction-ids.ts';
import type { VersionSource } from './model/read-manifest.ts';
import { type ServedModels, serveModels } from './model/served-models.ts';
import { openTestSets, type TestSets } from './model/test-sets.ts';
import { publishedSchemas } from './store/published.ts';
import { maxStoreMilliseconds, withTimeLimit } from './store/time-limit.ts';
import { openCounters, openTelemetry, type Telemetry } from './telemetry/telemetry.ts';

/** The state that all routes share. One per isolate. */
export interface AppContext {
  configuration: Configuration;
  /** The bucket, and the Worker's own model in it. */
  source: VersionSource;
  /** The model that the deployment carries. `null`: none. */
  snapshot: VersionSource | null;
  models: ServedModels;
  catalogs: ModelCatalogs;
  testSets: TestSets;
  logitsCache: LogitsCache;
  /** The ids of a model's predictions. `null`: feedback is off, and predictions have no ids. */
  predictionIds: ((model: string) => PredictionIds) | null;
  telemetry: Telemetry;
  /** Opens the memory for a request's body. */
  reserveBody: () => BodyReservation;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Milliseconds of a clock that never goes back, for intervals. */
  elapsed: () => number;
  /** @returns a number from 0 to below 1 */
  random: () => number;
}

/** Bindings that a Worker may have in addition to its bucket. */
export interface OptionalBindings {
  RATE_LIMITER?: RateLimit;
  ANALYTICS?: AnalyticsEngineDataset;
  /** The static assets of the deployment, among them the snapshot. */
  ASSETS?: Pick<Fetcher, 'fetch'>;
}

export interface AppOptions {
  store: ObjectStore;
  /** The model and the test images that the deployment carries (default: none). */
  snapshot?: ObjectStore | null;
  configuration: Configuration;
  /** Milliseconds since 1970 (default: `Date.now`). */
  now?: () => number;
  /** A number from 0 to below 1 (default: `Math.random`). */
  random?: () => number;
  /** Limits of request bodies (default: 32 MiB at once, 30 s per body). */
  bodyLimits?: BodyLimits;
  /** The time for each request of the store (default: 10,000 ms). */
  maxStoreMilliseconds?: number;
  /** Loads a version into memory (default: `loadVersion`). */
  load?: LoadVersion;
  bindings?: OptionalBindings;
  /** Size of the logits cache in numbers (default: 1,000,000). 0 turns it off. */
  maxCachedLogits?: number;
}

/** Opens the models, the test set and the telemetry that the options describe. It does not read the bucket yet. */
export function openAppContext(options: AppOptions): AppContext {
  const { configuration, now = Date.now, random = Math.random, load } = options;
  const store = withTimeLimit(options.store, options.maxStoreMilliseconds ?? maxStoreMilliseconds);
  const elapsed = elapsedClock(now);
  const { modelName, alias, canary, maxModelBytes, pollMilliseconds, publicKeys } = configuration;
  const layout = bucketLayout(configuration.bucketPrefix);
  const source = { store, layout, name: modelName, publicKeys };
  const openFallback = openFallbacks({ retryMilliseconds: pollMilliseconds, now: elapsed });
  const carried = options.snapshot
    ? { store: options.snapshot, layout: bucketLayout(), openFallback }
    : null;
  const snapshot = carried && { ...source, ...carried };
  const counters = openCounters();
  return {
    configuration,
    source,
    snapshot,
    models: serveModels({
      ...source,
      snapshot,
      mayServe: (name) => configuration.models === '*' || configuration.models.includes(name),
      alias,
      canary,
      maxModelBytes,
      pollMilliseconds,
      now: elapsed,
      random,
      openLoader: async () => load ?? (await importLoader()),
      onLoad: (succeeded) => void (succeeded ? counters.loads++ : counters.failedLoads++),
      onSwap: () => void counters.swaps++,
    }),
    catalogs: openCatalogs({ ...source, pollMilliseconds, now: elapsed }),
    testSets: openTestSets({
      store,
      layout,
      snapshot: carried,
      name: configuration.datasetName,
      pollMilliseconds,
      now: elapsed,
    }),
    logitsCache: openLogitsCache(options.maxCachedLogits),
    predictionIds: configuration.feedback
      ? openIdsOfModels({
          secret: configuration.feedbackSecret,
          days: configuration.feedbackDays,
          now,
        })
      : null,
    telemetry: openTelemetry({
      counters,
      logLevel: configuration.logLevel,
      analytics: options.bindings?.ANALYTICS,
      now,
    }),
    reserveBody: openBodyMemory(options.bodyLimits ?? bodyLimits, elapsed),
    elapsed,
    now,
    random,
  };
}

/** Imports TensorFlow.js and the schemas, most of the script, while the bucket is being read for the first time. */
async function importLoader(): Promise<LoadVersion> {
  const [{ loadVersion }] = await Promise.all([
    import('./model/load-version.ts'),
    publishedSchemas(),
  ]);
  return loadVersion;
}

/**
 * Makes a clock for intervals from one that can be set. A Worker has no other: its `performance.now()` is `Date.now()`. If the system's
 * clock is set back, this one stands still until the next reading. If it is set forward, that time counts as elapsed.
 *
 * @param now milliseconds since 1970
 * @returns milliseconds that never decrease. Only differences have a meaning
 */
function elapsedClock(now: () => number): () => number {
  let latest = now();
  let elapsed = 0;
  return function readElapsed() {
    const time = now();
    elapsed += Math.max(0, time - latest);
    latest = time;
    return elapsed;
  };
}
