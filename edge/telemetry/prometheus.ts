/** A metric and its samples. */
export interface Metric {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  samples: Sample[];
}

export interface Sample {
  /** Appended to the metric's name: `_bucket`, `_sum`, `_count`. */
  suffix?: string;
  labels?: Record<string, string | number>;
  value: number;
}

/** Formats metrics in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export const prometheusText = (metrics: Metric[]): string =>
  metrics
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(({ suffix = '', labels = {}, value }) => {
          const pairs = Object.entries(labels).map(([key, text]) => `${key}="${quoted(text)}"`);
          return `${name}${suffix}${pairs.length > 0 ? `{${pairs}}` : ''} ${value}`;
        }),
      ].join('\n'),
    )
    .join('\n')
    .concat('\n');

const quoted = (text: string | number) =>
  String(text).replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n');
