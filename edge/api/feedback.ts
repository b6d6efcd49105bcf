import { feedbackAnswerSchema, feedbackRequestSchema } from '../../shared/registry/feedback.ts';
import { invertSchema } from '../input/parameters.ts';
import { operation } from './operation.ts';

const answer = { content: { 'application/json': { schema: feedbackAnswerSchema } } };

export const giveFeedback = operation({
  method: 'post',
  path: '/feedback',
  id: 'giveFeedback',
  tag: 'Feedback',
  summary: 'Keeps the true label of a prediction, with its image',
  description:
    'Takes the `id` of a prediction, its true label, and what was predicted: one of `index`, `image`, `pixels`.',
  onlyWhere: 'Only where the variable FEEDBACK is "on".',
  parameters: {
    query: {
      invert: { schema: invertSchema, description: 'What it was when the image was predicted.' },
    },
  },
  body: {
    'application/json': {
      schema: feedbackRequestSchema,
      example: { id: `20261124T101500Z-3fa9c1d2.${'0'.repeat(64)}`, label: 'Sneaker', index: 0 },
    },
  },
  answers: {
    200: { description: 'It was kept before, today.', ...answer },
    201: { description: 'It is kept.', ...answer },
  },
  problems: [
    ...(['bad_parameter', 'empty_body', 'bad_encoding', 'bad_json'] as const),
    ...(['index_out_of_range', 'body_too_large', 'image_too_large'] as const),
    ...(['unsupported_encoding', 'unsupported_image', 'bad_image', 'bad_pixels'] as const),
    ...(['bad_label', 'unknown_prediction', 'no_dataset', 'bad_dataset', 'store_failed'] as const),
    ...(['unauthorized', 'too_many_requests'] as const),
  ],
  takesToken: true,
  curl: ` --json '{"id": "…", "label": "Sneaker", "index": 0}'`,
});
