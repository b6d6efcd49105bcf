import type { Context } from 'hono';
import * as z from 'zod/mini';
import { toPng } from '../../shared/picture/png.ts';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { immutable, isKnown } from '../http/headers.ts';
import {
  datasetParameter,
  isPinned,
  modelName,
  readParameter,
  readTestImage,
  scaleSchema,
} from '../input/parameters.ts';
import type { Background } from '../model/alias-follower.ts';
import { modelParameter, modelProblems, testSetProblems } from './contract.ts';
import { route } from './route.ts';

/** Larger pictures would take too much time and memory. */
const maxSide = 896;

export const testImage = route(
  {
    id: 'testImage',
    tag: 'Predictions',
    summary: 'Get a test image',
    description:
      'Another test set may replace the image under the same URL. With `dataset`, the answer never changes and can be cached forever.',
    parameters: {
      path: {
        file: {
          schema: z.string().check(z.regex(/^\d+\.png$/)),
          description: 'The index of the image and `.png`.',
          example: '0.png',
        },
      },
      query: {
        scale: {
          schema: scaleSchema,
          description: 'Repeats each pixel this many times, up to 896 pixels a side.',
        },
        dataset: datasetParameter,
        model: modelParameter,
      },
    },
    answers: {
      200: { description: 'A PNG.', content: { 'image/png': {} } },
      304: { description: 'The client already has this image: `If-None-Match` has its ETag.' },
    },
    problems: ['bad_index', 'not_found', ...testSetProblems, ...modelProblems],
    curl: ' --output 0.png',
  },
  openTestImage,
);

function openTestImage({ testSets, models, random, source, configuration }: AppContext) {
  return async function getTestImage(context: Context) {
    const file = context.req.param('file') ?? '';
    if (!file.endsWith('.png')) {
      throw new Problem('not_found', `There is no /images/${file}; test images are /images/N.png.`);
    }
    const scale = readParameter(context, 'scale', scaleSchema, 'a whole number from 1 to 20');
    const text = file.slice(0, -'.png'.length);
    const dataset = await datasetOf(modelName(context), context.executionCtx);
    const reading = { testSets, dataset, text, random };
    const { index, image } = await readTestImage(reading, context.executionCtx);
    const pinned = isPinned(context, image);
    const tag = `"${image.tag}.${index}.${scale}"`;
    context.header('etag', tag);
    context.header('cache-control', pinned ? immutable : 'no-cache');
    if (isKnown(context, tag)) return context.body(null, 304);
    const png = toPng(
      image,
      Math.min(scale, Math.ceil(maxSide / Math.max(image.height, image.width))),
    );
    return context.body(new Uint8Array(png), 200, { 'content-type': 'image/png' });
  };

  /** The data set that a model other than the Worker's own was tested on. */
  async function datasetOf(model: string | undefined, background: Background) {
    if (model === undefined || model === source.name) return null;
    const { alias } = configuration;
    const reference = await models.resolve({ model, choice: { alias } }, background);
    return models.withModel(reference, (served) => served.model.manifest.dataset.name);
  }
}
