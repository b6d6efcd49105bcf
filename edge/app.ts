import { type Handler, Hono } from 'hono';
import { type AppContext, type AppOptions, openAppContext } from './app-context.ts';
import { Problem, problemResponse, protocolErrorResponse, toProblem } from './errors.ts';
import { openCors, optionsResponse } from './http/cors.ts';
import { aroundRequest } from './http/headers.ts';
import { isProtocolPath, protocols, routes } from './routes/index.ts';
import type { RouteEntry } from './routes/route.ts';

type Scheduled = Required<Pick<ExportedHandler, 'scheduled'>>;

export interface CreateAppOptions extends AppOptions {
  /** Routes to serve (default: all of the Worker's). */
  routes?: readonly RouteEntry[];
}

/** The Worker as a Hono app. It holds models and test images in memory: create one per isolate. */
export function createApp(options: CreateAppOptions): Hono & Scheduled {
  const { configuration, bindings = {} } = options;
  const context = openAppContext(options);
  const app = new Hono();
  app.use(
    aroundRequest({
      ...context,
      cors: openCors(configuration.corsOrigins),
      addressHeader: configuration.addressHeader,
    }),
  );
  const guarded = { tokens: configuration.apiTokens, limiter: bindings.RATE_LIMITER };
  if (guarded.tokens.length > 0 || guarded.limiter) {
    app.use(onFirstRequest(async () => (await import('./http/guard.ts')).guard(guarded)));
  }
  addProtocols(app, context);
  addRoutes(app, context, options.routes ?? routes);
  app.notFound(function notFound({ req, var: { requestId } }) {
    return problemResponse(new Problem('not_found', `There is no ${req.method} ${req.path}.`), {
      instance: requestId,
    });
  });
  app.onError(function answerProblem(error, { req, var: { requestId } }) {
    const problem = toProblem(error);
    if (problem.code === 'internal_error') console.error(error);
    return isProtocolPath(req.path)
      ? protocolErrorResponse(problem)
      : problemResponse(problem, { instance: requestId });
  });
  return Object.assign(app, {
    /** Checks the aliases on a Cron Trigger, for isolates that get no requests. */
    scheduled(_controller: ScheduledController, _env: unknown, execution: ExecutionContext) {
      execution.waitUntil(context.models.poll(execution));
    },
  });
}

function addProtocols(app: Hono, context: AppContext): void {
  for (const [path, load] of Object.entries(protocols)) {
    app.options(path, ({ req }) => optionsResponse(req.raw, 'GET, HEAD, OPTIONS, POST'));
    // Triton's asyncio client can't read metadata or errors that a proxy has compressed.
    app.use(path, async function keepEncoding(context, next) {
      await next();
      context.header('cache-control', 'no-store, no-transform');
    });
    app.all(
      path,
      onFirstRequest(async () => (await load())(context)),
    );
  }
}

function addRoutes(app: Hono, context: AppContext, entries: readonly RouteEntry[]): void {
  const existing = entries.filter(({ onlyIf }) => onlyIf === null || context.configuration[onlyIf]);
  for (const [path, group] of Map.groupBy(existing, (entry) => entry.path)) {
    for (const { method, load } of group) {
      const handler = onFirstRequest(async () => {
        const { checkingQuery } = await import('./input/parameters.ts');
        const { contract, open } = await load();
        return checkingQuery(contract.parameters?.query ?? {}, open(context));
      });
      app[method](path, handler);
    }
    const methods = group.map(({ method }) => (method === 'get' ? 'GET, HEAD' : 'POST'));
    const allow = [...methods, 'OPTIONS'].sort().join(', ');
    app.options(path, ({ req }) => optionsResponse(req.raw, allow));
    app.all(path, function methodNotAllowed({ req }) {
      throw new Problem('method_not_allowed', `${req.path} allows ${allow}, not ${req.method}.`, {
        headers: { allow },
      });
    });
  }
}

/** A handler whose code is imported by its first request, not at the start of the script. */
function onFirstRequest(open: () => Promise<Handler>): Handler {
  let handler: Handler | null = null;
  return async function openedRoute(context, next) {
    const opened = handler ?? (await open());
    // Requests that arrive at once share the first one's handler, and with it what it counts.
    handler ??= opened;
    return handler(context, next);
  };
}
