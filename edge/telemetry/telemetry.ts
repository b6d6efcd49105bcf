import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Prediction } from '../../shared/model/prediction.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { toProblem } from '../errors.ts';
import { type Counters, countPrediction, countRequest } from './counters.ts';
import { isLogged, type LogLevel, logRequest } from './request-log.ts';

/** What is told of everything that the Worker does. */
export interface Telemetry {
  readonly counters: Counters;
  /** A request has its answer. */
  answered(context: Context, startedAt: number): void;
  /** A model has said something of a test image, or of one that was posted. */
  predicted(manifest: Manifest, of: 'indexed' | 'posted', predicted: Prediction['predicted']): void;
}

export interface TelemetryOptions {
  counters: Counters;
  logLevel: LogLevel;
  /** Takes a point for each prediction and each failed request (https://developers.cloudflare.com/analytics/analytics-engine/). */
  analytics: AnalyticsEngineDataset | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** Methods that are counted by name: a client may invent any number of others. */
const methods = ['GET', 'HEAD', 'POST', 'OPTIONS'];

export function openTelemetry(options: TelemetryOptions): Telemetry {
  const { counters, logLevel, analytics, now } = options;
  return {
    counters,

    answered(context, startedAt) {
      const { res, req } = context;
      const milliseconds = now() - startedAt;
      const path = matchedRoutes(context).at(-1)?.path ?? '/*';
      const route = path === '/*' ? 'none' : path;
      const method = methods.includes(req.method) ? req.method : 'other';
      const { status } = res;
      countRequest(counters, `${method} ${route} ${status}`, route, milliseconds);
      if (analytics && status >= 400) {
        analytics.writeDataPoint({ blobs: ['', '', outcomeOf(context), route], indexes: [''] });
      }
      if (!isLogged(logLevel, status)) return;
      const version = res.headers.get('x-catwalk-version');
      const { requestId, client = null } = context.var;
      const outcome = outcomeOf(context);
      logRequest(
        { requestId, method, route, status, milliseconds, version, outcome, client },
        now(),
      );
    },

    predicted(manifest, of, predicted) {
      countPrediction(counters[of], manifest, predicted);
      analytics?.writeDataPoint({
        blobs: [manifest.version, predicted.label, 'ok', of],
        doubles: [predicted.probability],
        indexes: [manifest.version],
      });
    },
  };
}

/** @returns `ok` or a problem's code, where a route that has errors of its own the status */
function outcomeOf({ error, res }: Context): string {
  if (error) return toProblem(error).code;
  if (res.status < 400) return 'ok';
  return res.status === 404 ? 'not_found' : `status_${res.status}`;
}
