import * as z from 'zod/mini';
import { echoSchema, indexSchema, invertSchema, scaleSchema } from '../input/parameters.ts';
import { choosingHeaders, choosingQuery, modelProblems } from './choosing.ts';
import { operation } from './operation.ts';
import {
  indexedAnswerSchema,
  postedJsonSchema,
  predictedAnswerSchema,
  predictionsSchema,
} from './schemas.ts';

const testSetProblems = ['index_out_of_range', 'no_dataset', 'bad_dataset'] as const;

export const predictIndex = operation({
  method: 'get',
  path: '/predict',
  id: 'predictIndex',
  tag: 'Predictions',
  summary: 'What the model says of a test image, and what it is',
  description:
    'As JSON, or where Accept prefers it as a picture under the title "Predicted: X, Actual: Y". With an index the answer has an ETag.',
  parameters: {
    query: {
      index: {
        schema: z.optional(indexSchema),
        description: 'The number of a test image; a random one where it is left out.',
        example: 0,
      },
      ...choosingQuery,
    },
    header: choosingHeaders,
  },
  answers: {
    200: {
      description: 'Predicted and actual label, one probability per label, the version.',
      content: {
        'application/json': { schema: indexedAnswerSchema },
        'image/svg+xml': {},
        'image/png': {},
      },
    },
    304: { description: 'What If-None-Match names still holds.' },
  },
  problems: ['bad_index', 'not_acceptable', 'bad_parameter', ...testSetProblems, ...modelProblems],
  curl: '?index=0',
});

const file = { description: 'PNG, JPEG, WebP, GIF or BMP, whatever the type says it is.' };

export const predictImage = operation({
  method: 'post',
  path: '/predict',
  id: 'predictImage',
  tag: 'Predictions',
  summary: 'What the model says of the image, or the images, in the body',
  description:
    'A body may be gzip (Content-Encoding). Bounds, checked before anything is decoded: 10 MiB a body, 4 megapixels an image, 64 images and 12 megapixels a call.',
  parameters: {
    query: {
      invert: {
        schema: invertSchema,
        description:
          'Whether light and dark are swapped. The training data is light on dark: auto swaps where the background is light.',
      },
      echo: {
        schema: echoSchema,
        description: 'Adds `input`, the 28x28 image that the network saw, a PNG as data URL.',
      },
      ...choosingQuery,
    },
    header: choosingHeaders,
  },
  body: {
    'application/json': {
      description: 'Pixels, flat or nested, or files as base64 or data URL.',
      schema: postedJsonSchema,
      example: { image: 'data:image/png;base64,…' },
    },
    'image/png': file,
    'image/jpeg': file,
    'image/webp': file,
    'image/gif': file,
    'image/bmp': file,
    'application/octet-stream': { description: '784 bytes, one a pixel, or a file.' },
    'multipart/form-data': {
      description: 'Files in fields of any name, up to 64.',
      schema: z.record(z.string(), z.file()),
    },
  },
  answers: {
    200: {
      description: 'One image was sent by itself; or several were, or a list.',
      content: {
        'application/json': { schema: z.union([predictedAnswerSchema, predictionsSchema]) },
      },
    },
  },
  problems: [
    ...(['bad_parameter', 'empty_body', 'bad_encoding', 'bad_json', 'bad_multipart'] as const),
    ...(['body_too_large', 'image_too_large', 'too_many_images'] as const),
    ...(['unsupported_encoding', 'unsupported_image', 'bad_image', 'bad_pixels'] as const),
    ...modelProblems,
    ...(['unauthorized', 'too_many_requests'] as const),
  ],
  takesToken: true,
  curl: ' --data-binary @boot.jpg',
});

export const testImage = operation({
  method: 'get',
  path: '/images/{file}',
  id: 'testImage',
  tag: 'Predictions',
  summary: 'A test image',
  parameters: {
    path: {
      file: {
        schema: z.string().check(z.regex(/^\d+\.png$/)),
        description: 'The number of the image and `.png`.',
        example: '0.png',
      },
    },
    query: {
      scale: { schema: scaleSchema, description: 'How often each pixel is repeated, both ways.' },
      dataset: {
        schema: z.optional(z.string()),
        description:
          'The first part of an ETag: the image of that test set alone, which may be kept for ever.',
      },
    },
  },
  answers: {
    200: { description: 'A grey PNG.', content: { 'image/png': {} } },
    304: { description: 'What If-None-Match names still holds.' },
  },
  problems: ['bad_index', 'bad_parameter', 'not_found', ...testSetProblems, 'store_failed'],
  curl: ' --output 0.png',
});
