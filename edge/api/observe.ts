import { modelProblems } from './choosing.ts';
import { operation } from './operation.ts';
import { driftSchema } from './schemas.ts';

export const metrics = operation({
  method: 'get',
  path: '/metrics',
  id: 'metrics',
  tag: 'Observability',
  summary: 'What this isolate has counted, for Prometheus',
  description: 'An isolate is one of many, comes and goes: Prometheus sees whichever answers it.',
  answers: {
    200: {
      description: "Prometheus' text format 0.0.4.",
      content: { 'text/plain': { description: 'Counters, gauges and a histogram.' } },
    },
  },
  problems: ['unauthorized', 'too_many_requests'],
  takesToken: true,
  curl: '',
});

export const drift = operation({
  method: 'get',
  path: '/drift',
  id: 'drift',
  tag: 'Observability',
  summary: 'Whether posted images are taken for other labels than the test set was',
  description:
    'What the version that answers has said of the images posted to this isolate, beside what it said of the test set, with the population stability index of the two.',
  answers: {
    200: {
      description:
        'Shares of labels, mean confidence, and the index with what it exceeds by chance.',
      content: { 'application/json': { schema: driftSchema } },
    },
  },
  problems: ['unauthorized', 'too_many_requests', ...modelProblems],
  takesToken: true,
  curl: '',
});
