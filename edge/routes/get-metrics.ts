import type { AppContext, Collaborators } from '../app-context.ts';
import { type Counters, durationBounds } from '../telemetry/counters.ts';
import { type Metric, prometheusText, type Sample } from '../telemetry/prometheus.ts';

/** GET /metrics: what this isolate has counted, for Prometheus. */
export function getMetrics({ telemetry, models, modelName, alias }: Collaborators) {
  return async function metrics(context: AppContext) {
    const { counters } = telemetry;
    const served = await models.resolve({ alias }, context.executionCtx).catch(() => null);
    const text = prometheusText([
      ...requestMetrics(counters),
      predictionMetric(counters),
      counter('model_loads_total', 'Versions loaded, by outcome.', [
        { labels: { outcome: 'ok' }, value: counters.loads },
        { labels: { outcome: 'failed' }, value: counters.failedLoads },
      ]),
      counter('model_swaps_total', 'Times that a newer version took the place of another.', [
        { value: counters.swaps },
      ]),
      {
        ...gauge('model_info', 'The version that answers.'),
        samples: served
          ? [{ labels: { name: modelName, version: served.version, alias }, value: 1 }]
          : [],
      },
      {
        ...gauge('model_resident', 'The versions in memory.'),
        samples: models.versions().map((version) => ({ labels: { version }, value: 1 })),
      },
      {
        ...gauge('model_failing', '1 where what an alias names is not served, else 0.'),
        samples: models
          .failures()
          .map(({ alias, failure }) => ({ labels: { alias }, value: failure ? 1 : 0 })),
      },
    ]);
    return context.body(text, 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    });
  };
}

/** An isolate is one of many, comes and goes: Prometheus sees whichever answers it. */
const perIsolate = 'Counted by this isolate alone, since it began.';

const counter = (name: string, help: string, samples: Sample[]): Metric => ({
  ...{ name: `catwalk_${name}`, type: 'counter', help: `${help} ${perIsolate}`, samples },
});

const gauge = (name: string, help: string) => ({
  ...{ name: `catwalk_${name}`, type: 'gauge' as const, help: `${help} Of this isolate alone.` },
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
      help: `Time until the answer, of which a Worker's clock sees only what was spent awaiting I/O. ${perIsolate}`,
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
