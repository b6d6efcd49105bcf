import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Prediction } from '../../shared/model/prediction.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { toProblem } from '../errors.ts';
import { type Counters, countPrediction, countRequest } from './counters.ts';
import { isLogged, type LogLevel, logRequest } from './request-log.ts';

/** Counters, logs and analytics of the requests and predictions. */
export interface Telemetry {
  readonly counters: Counters;
  /** Records an answered request, and the time that it took. */
  answered(context: Context, milliseconds: number): void;
  /** Records a prediction of a test image or of a posted one. */
  predicted(manifest: Manifest, of: 'indexed' | 'posted', predicted: Prediction['predicted']): void;
}

export interface TelemetryOptions {
  counters: Counters;
  logLevel: LogLevel;
  /** Receives a point per prediction and per failed request (https://developers.cloudflare.com/analytics/analytics-engine/). */
  analytics: AnalyticsEngineDataset | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** Methods with counters of their own. All others share one, since clients may send any name. */
const methods = ['GET', 'HEAD', 'POST', 'OPTIONS'];

export function openTelemetry(options: TelemetryOptions): Telemetry {
  const { counters, logLevel, analytics, now } = options;
  return {
    counters,

    answered(context, milliseconds) {
      const { res, req } = context;
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
      const record = { requestId, method, route, status, milliseconds, version, outcome, client };
      logRequest(record, now());
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

/** @returns `ok` or the problem's code. For routes with their own error format, a code from the status */
function outcomeOf({ error, res }: Context): string {
  if (error) return toProblem(error).code;
  if (res.status < 400) return 'ok';
  return res.status === 404 ? 'not_found' : `status_${res.status}`;
}
