import { bucketLayout } from '../shared/registry/bucket-layout.ts';
import type { ObjectStore } from '../shared/registry/object-store.ts';
import type { Configuration } from './configuration.ts';
import type { LoadVersion } from './model/load-version.ts';
import { type LogitsCache, openLogitsCache } from './model/logits-cache.ts';
import { type ModelCatalog, openCatalog } from './model/model-catalog.ts';
import type { VersionSource } from './model/read-manifest.ts';
import { type ServedModels, serveModels } from './model/served-models.ts';
import { openTestSet, type TestSet } from './model/test-set.ts';
import { publishedSchemas } from './store/published.ts';
import { openCounters } from './telemetry/counters.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';

/** What the routes work with: one per isolate. */
export interface AppContext {
  configuration: Configuration;
  /** The bucket, and the model in it that is served. */
  source: VersionSource;
  models: ServedModels;
  catalog: ModelCatalog;
  testSet: TestSet;
  logitsCache: LogitsCache;
  telemetry: Telemetry;
  /** Milliseconds since 1970. */
  now: () => number;
  /** @returns a number from 0 to below 1 */
  random: () => number;
}

/** Bindings that a Worker may have in addition to its bucket. */
export interface OptionalBindings {
  RATE_LIMITER?: RateLimit;
  ANALYTICS?: AnalyticsEngineDataset;
}

export interface AppOptions {
  store: ObjectStore;
  configuration: Configuration;
  /** Milliseconds since 1970 (default: `Date.now`). */
  now?: () => number;
  /** A number from 0 to below 1 (default: `Math.random`). */
  random?: () => number;
  /** Loads a version into memory (default: `loadVersion`). */
  load?: LoadVersion;
  bindings?: OptionalBindings;
  /** Size of the logits cache in numbers (default: 1,000,000). 0 turns it off. */
  maxCachedLogits?: number;
}

/** Opens the models, the test set and the telemetry that the options describe. It does not read the bucket yet. */
export function openAppContext(options: AppOptions): AppContext {
  const { store, configuration, now = Date.now, random = Math.random, load } = options;
  const { modelName, alias, canary, maxModelBytes, pollMilliseconds, publicKeys } = configuration;
  const layout = bucketLayout(configuration.bucketPrefix);
  const source = { store, layout, name: modelName, publicKeys };
  const counters = openCounters();
  return {
    configuration,
    source,
    models: serveModels({
      ...source,
      alias,
      canary,
      maxModelBytes,
      pollMilliseconds,
      now,
      random,
      openLoader: async () => load ?? (await importLoader()),
      onLoad: (succeeded) => void (succeeded ? counters.loads++ : counters.failedLoads++),
      onSwap: () => void counters.swaps++,
    }),
    catalog: openCatalog({ ...source, pollMilliseconds, now }),
    testSet: openTestSet({
      store,
      layout,
      name: configuration.datasetName,
      pollMilliseconds,
      now,
    }),
    logitsCache: openLogitsCache(options.maxCachedLogits),
    telemetry: openTelemetry({
      counters,
      logLevel: configuration.logLevel,
      analytics: options.bindings?.ANALYTICS,
      now,
    }),
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
