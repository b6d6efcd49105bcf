import type { Context } from 'hono';
import type { AppContext } from '../app-context.ts';
import { type Metric, prometheusText, type Sample } from '../telemetry/prometheus.ts';
import { type Counters, durationBounds } from '../telemetry/telemetry.ts';
import { tokenProblems } from './contract.ts';
import { route } from './route.ts';

export const metrics = route(
  {
    id: 'metrics',
    tag: 'Observability',
    summary: 'Get metrics for Prometheus',
    description:
      'Returns what this isolate has counted. A deployed Worker has many isolates that come and go, and any of them may answer.',
    answers: {
      200: {
        description: 'Counters, gauges and a histogram in the Prometheus text format 0.0.4.',
        content: { 'text/plain': {} },
      },
    },
    problems: tokenProblems,
    takesToken: true,
  },
  openMetrics,
);

function openMetrics({ telemetry, models, source, configuration: { alias } }: AppContext) {
  /** The label of a model other than the Worker's own. */
  const nameOf = (name: string) => (name === source.name ? {} : { name });
  return async function getMetrics(context: Context) {
    const { counters } = telemetry;
    const served = await models
      .resolve({ choice: { alias } }, context.executionCtx)
      .catch(() => null);
    const text = prometheusText([
      ...requestMetrics(counters),
      predictionMetric(counters),
      counter('model_loads_total', 'Versions loaded, by outcome.', [
        { labels: { outcome: 'ok' }, value: counters.loads },
        { labels: { outcome: 'failed' }, value: counters.failedLoads },
      ]),
      counter('model_swaps_total', 'Times that a newer version replaced another.', [
        { value: counters.swaps },
      ]),
      gauge(
        'model_info',
        'The version that the default alias points to.',
        served ? [{ labels: { name: source.name, version: served.version, alias }, value: 1 }] : [],
      ),
      gauge(
        'model_resident',
        'The versions in memory.',
        models
          .inMemory()
          .map(({ name, version }) => ({ labels: { version, ...nameOf(name) }, value: 1 })),
      ),
      gauge('model_snapshot', "1 if the deployment's snapshot answers, else 0.", [
        { value: served?.isSnapshot ? 1 : 0 },
      ]),
      gauge(
        'model_failing',
        '1 if the version that an alias points to is not served, else 0.',
        models
          .failures()
          .map(({ alias, failure }) => ({ labels: { alias }, value: failure ? 1 : 0 })),
      ),
    ]);
    return context.body(text, 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    });
  };
}

const counter = (name: string, help: string, samples: Sample[]): Metric => ({
  name: `catwalk_${name}`,
  type: 'counter',
  help: `${help} Counted by this isolate only, since it started.`,
  samples,
});

const gauge = (name: string, help: string, samples: Sample[]): Metric => ({
  name: `catwalk_${name}`,
  type: 'gauge',
  help: `${help} Of this isolate only.`,
  samples,
});

function requestMetrics({ requests, durations }: Counters): Metric[] {
  return [
    counter(
      'requests_total',
      'Requests answered, by method, route and status.',
      Array.from(requests, ([key, value]) => {
        const [method = '', route = '', status = ''] = key.split(' ');
        return { labels: { method, route, status }, value };
      }),
    ),
    {
      name: 'catwalk_request_duration_seconds',
      type: 'histogram',
      help: "Time until the response. A Worker's clock counts only the time spent waiting for I/O. Counted by this isolate only, since it started.",
      samples: Array.from(durations).flatMap(([route, { counts, sum }]) => {
        let count = 0;
        const buckets = counts.map((each, place) => {
          count += each;
          const bound = durationBounds[place];
          const le = bound === undefined ? '+Inf' : bound / 1000;
          return { suffix: '_bucket', labels: { route, le }, value: count };
        });
        return [
          ...buckets,
          { suffix: '_sum', labels: { route }, value: sum / 1000 },
          { suffix: '_count', labels: { route }, value: count },
        ];
      }),
    },
  ];
}

function predictionMetric(counters: Counters): Metric {
  const samples = (['indexed', 'posted'] as const).flatMap((images) =>
    Array.from(counters[images]).flatMap(([version, { labels, counts }]) =>
      counts.map((value, id) => ({
        labels: { version, images, label: labels[id] as string },
        value,
      })),
    ),
  );
  return counter('predictions_total', 'Images predicted, by version and label.', samples);
}
