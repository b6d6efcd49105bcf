import { operation } from './operation.ts';
import { liveSchema, notReadySchema, readySchema } from './schemas.ts';

export const live = operation({
  method: 'get',
  path: '/healthz',
  id: 'live',
  tag: 'Health',
  summary: 'Whether the Worker runs',
  answers: {
    200: { description: 'It does.', content: { 'application/json': { schema: liveSchema } } },
  },
  problems: [],
  curl: '',
});

export const ready = operation({
  method: 'get',
  path: '/readyz',
  id: 'ready',
  tag: 'Health',
  summary: 'Whether a model is served',
  description:
    '`failure` says what is wrong with the version that the alias names, also while an older one is served in its place.',
  answers: {
    200: { description: 'One is.', content: { 'application/json': { schema: readySchema } } },
    503: {
      description: 'None is.',
      content: { 'application/problem+json': { schema: notReadySchema } },
    },
  },
  problems: [],
  curl: '',
});
