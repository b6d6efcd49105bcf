import { type Handler, Hono } from 'hono';
import { bucketLayout } from '../shared/registry/bucket-layout.ts';
import type { ObjectStore } from '../shared/registry/object-store.ts';
import type { Configuration } from './configuration.ts';
import { Problem, problemResponse, toProblem } from './errors.ts';
import { aroundRequest } from './http/around-request.ts';
import { openCors, optionsResponse } from './http/cors.ts';
import type { LoadVersion } from './model/load-version.ts';
import { openLogitsCache } from './model/logits-cache.ts';
import { openCatalog } from './model/model-catalog.ts';
import { serveModels } from './model/served-models.ts';
import { openTestSet } from './model/test-set.ts';
import { isProtocolPath, protocolError } from './protocols/protocol.ts';
import { getModel } from './routes/get-model.ts';
import { getModels } from './routes/get-models.ts';
import { getPredict } from './routes/get-predict.ts';
import { getHealth, getReadiness } from './routes/health.ts';
import { onFirstRequest } from './routes/on-first-request.ts';
import { openCounters } from './telemetry/counters.ts';
import { openTelemetry } from './telemetry/telemetry.ts';

/** What a Worker may be bound to besides its bucket. */
export interface OptionalBindings {
  RATE_LIMITER?: RateLimit;
  ANALYTICS?: AnalyticsEngineDataset;
}

export interface AppOptions {
  store: ObjectStore;
  configuration: Configuration;
  /** Milliseconds since 1970; `Date.now` unless told. */
  now?: () => number;
  /** A number from 0 to below 1; `Math.random` unless told. */
  random?: () => number;
  /** Brings a version into memory; the real one unless told. */
  load?: LoadVersion;
  bindings?: OptionalBindings;
  /** How many of the test images' logits may be remembered, as numbers: a million unless told, 0 for none. */
  maxCachedLogits?: number;
}

type Scheduled = Required<Pick<ExportedHandler, 'scheduled'>>;

/** The Worker as a Hono app. It holds one model and the recent test images, so make one an isolate. */
export function createApp(options: AppOptions): Hono & Scheduled {
  const { store, configuration, now = Date.now, random = Math.random, load } = options;
  const layout = bucketLayout(configuration.bucketPrefix);
  const { pollMilliseconds } = configuration;
  const counters = openCounters();
  const { bindings = {} } = options;
  const telemetry = openTelemetry({
    ...{ counters, logLevel: configuration.logLevel, analytics: bindings.ANALYTICS, now },
  });
  const { modelName, alias, canary, maxModelBytes, publicKeys } = configuration;
  const source = { store, layout, name: modelName, publicKeys };
  const models = serveModels({
    ...{ ...source, alias, canary, maxModelBytes, pollMilliseconds, now, random },
    openLoader: async () => load ?? (await importLoader()),
    onLoad: (succeeded) => void (succeeded ? counters.loads++ : counters.failedLoads++),
    onSwap: () => void counters.swaps++,
  });
  const catalog = openCatalog({ ...source, pollMilliseconds, now });
  const testSet = openTestSet({
    store,
    layout,
    name: configuration.datasetName,
    pollMilliseconds,
    now,
  });
  const logitsCache = openLogitsCache(options.maxCachedLogits);
  const { feedback } = configuration;
  const collaborators = {
    ...{ models, catalog, modelName, alias, testSet, logitsCache, telemetry, random, feedback },
  };

  const app = new Hono();
  app.use(aroundRequest(openCors(configuration.corsOrigins), telemetry, now));
  if (configuration.apiTokens.length > 0 || bindings.RATE_LIMITER) {
    const guarded = { tokens: configuration.apiTokens, limiter: bindings.RATE_LIMITER };
    app.use(onFirstRequest(async () => (await import('./http/guard.ts')).guard(guarded)));
  }
  // What the first GET /predict needs is at hand; whatever else needs more than a few lines is imported when it is first asked for.
  const postPredict = onFirstRequest(async () =>
    (await import('./routes/post-predict.ts')).postPredict(collaborators),
  );
  const getMetrics = onFirstRequest(async () =>
    (await import('./routes/get-metrics.ts')).getMetrics(collaborators),
  );
  const getDrift = onFirstRequest(async () =>
    (await import('./routes/get-drift.ts')).getDrift(collaborators),
  );
  const getImage = onFirstRequest(async () =>
    (await import('./routes/get-image.ts')).getImage(collaborators),
  );
  const getVersionFile = onFirstRequest(async () =>
    (await import('./routes/get-version-file.ts')).getVersionFile(source),
  );
  const postFeedback = onFirstRequest(async () =>
    (await import('./routes/post-feedback.ts')).postFeedback({ testSet, source, layout, now }),
  );
  const routes: Record<string, { get?: Handler; post?: Handler }> = {
    '/predict': { get: getPredict(collaborators), post: postPredict },
    '/images/:file': { get: getImage },
    '/models': { get: getModels(collaborators) },
    '/model': { get: getModel(collaborators) },
    '/models/:version/:file': { get: getVersionFile },
    '/metrics': { get: getMetrics },
    '/drift': { get: getDrift },
    '/healthz': { get: getHealth() },
    '/readyz': { get: getReadiness(collaborators) },
    ...(feedback && { '/feedback': { post: postFeedback } }),
  };
  // These answer whatever is asked under their paths, errors too, as their own specifications say.
  const tensorFlowServing = onFirstRequest(async () =>
    (await import('./protocols/tensorflow-serving.ts')).tensorFlowServing(collaborators),
  );
  const openInference = onFirstRequest(async () =>
    (await import('./protocols/open-inference.ts')).openInference(collaborators),
  );
  for (const [path, protocol] of [
    ['/v1/*', tensorFlowServing],
    ['/v2/*', openInference],
  ] as const) {
    app.options(path, (context) => optionsResponse(context.req.raw, 'GET, HEAD, OPTIONS, POST'));
    app.all(path, protocol);
  }
  for (const [path, { get, post }] of Object.entries(routes)) {
    if (get) app.get(path, get);
    if (post) app.post(path, post);
    const allowed = [get && 'GET, HEAD', 'OPTIONS', post && 'POST'].filter(Boolean).join(', ');
    app.options(path, (context) => optionsResponse(context.req.raw, allowed));
    app.all(path, rejectMethod(allowed));
  }
  app.notFound(function notFound(context) {
    const { method, path } = context.req;
    return problemResponse(new Problem('not_found', `There is no ${method} ${path}.`), {
      instance: context.get('requestId'),
    });
  });
  app.onError(function answerProblem(error, context) {
    const problem = toProblem(error);
    if (problem.code === 'internal_error') console.error(error);
    return isProtocolPath(context.req.path)
      ? protocolError(problem)
      : problemResponse(problem, { instance: context.get('requestId') });
  });
  return Object.assign(app, {
    /** A Cron Trigger: has the aliases looked at also where no request does. */
    scheduled(_controller: ScheduledController, _env: unknown, context: ExecutionContext) {
      context.waitUntil(models.poll(context));
    },
  });
}

/** TensorFlow.js is most of the script: it is evaluated while the first look at the bucket is under way. */
async function importLoader(): Promise<LoadVersion> {
  return (await import('./model/load-version.ts')).loadVersion;
}

function rejectMethod(allow: string): Handler {
  return function methodNotAllowed(context) {
    const { method, path } = context.req;
    throw new Problem('method_not_allowed', `${path} takes ${allow}, not ${method}.`, {
      headers: { allow },
    });
  };
}
