import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Prediction } from '../../shared/model/prediction.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { toProblem } from '../errors.ts';
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
  /** Receives a point per prediction and per request (https://developers.cloudflare.com/analytics/analytics-engine/). */
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
      const version = res.headers.get('x-catwalk-version');
      analytics?.writeDataPoint({
        blobs: [
          version ?? '',
          '',
          outcomeOf(context),
          route,
          res.headers.get('x-catwalk-source') ?? '',
        ],
        doubles: [0, milliseconds],
        indexes: [''],
      });
      if (!isLogged(logLevel, status)) return;
      const { requestId, client = null } = context.var;
      const outcome = outcomeOf(context);
      const record = { requestId, method, route, status, milliseconds, version, outcome, client };
      logRequest(record, now());
    },

    predicted(manifest, of, predicted) {
      countPrediction(counters[of], manifest, predicted);
      analytics?.writeDataPoint({
        blobs: [manifest.version, predicted.label, 'ok', of, manifest.name],
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

/** Upper bounds of the duration histogram, in milliseconds. */
export const durationBounds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** The durations of a route's requests. */
export interface Durations {
  /** One count per bound and one for longer requests, not cumulative. */
  counts: number[];
  /** Milliseconds. */
  sum: number;
}

/** The predictions of a version. */
export interface Predictions {
  labels: readonly string[];
  /** One per label. */
  counts: number[];
}

/** Events in this isolate since it started. Counting runs with every request, so it has to be cheap. */
export interface Counters {
  /** By `METHOD route status`. */
  requests: Map<string, number>;
  /** By route. */
  durations: Map<string, Durations>;
  /** Predictions of test images, by version. */
  indexed: Map<string, Predictions>;
  /** Predictions of posted images, by version. */
  posted: Map<string, Predictions>;
  loads: number;
  failedLoads: number;
  /** How often a newer version replaced another one. */
  swaps: number;
}

export const openCounters = (): Counters => ({
  requests: new Map(),
  durations: new Map(),
  indexed: new Map(),
  posted: new Map(),
  loads: 0,
  failedLoads: 0,
  swaps: 0,
});

function countRequest(counters: Counters, key: string, route: string, duration: number) {
  counters.requests.set(key, (counters.requests.get(key) ?? 0) + 1);
  let durations = counters.durations.get(route);
  if (!durations) {
    durations = { counts: [...durationBounds, 0].fill(0), sum: 0 };
    counters.durations.set(route, durations);
  }
  let bucket = 0;
  while (duration > (durationBounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
  durations.counts[bucket] = (durations.counts[bucket] as number) + 1;
  durations.sum += duration;
}

/** Versions whose predictions are counted. The one counted first is dropped. */
const maxVersions = 16;

function countPrediction(
  counted: Map<string, Predictions>,
  { version, model: { labels } }: Manifest,
  { id }: { id: number },
): void {
  let predictions = counted.get(version);
  if (!predictions) {
    predictions = { labels, counts: labels.map(() => 0) };
    counted.set(version, predictions);
    const [oldest] = counted.keys();
    if (oldest && counted.size > maxVersions) counted.delete(oldest);
  }
  predictions.counts[id] = (predictions.counts[id] as number) + 1;
}
