import { greyPng } from '../../shared/picture/png.ts';
import type { AppContext, Collaborators } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { immutable, isKnown } from '../http/negotiate.ts';
import { readParameter, scaleSchema } from '../input/parameters.ts';
import { readTestImage } from './read-test-image.ts';

/**
 * GET /images/N.png: a test image as it is; ?scale= repeats its pixels. Another test set may take this one's place under the same URL;
 * ?dataset= with the first part of an image's ETag names this one, and what it answers is immutable.
 */
export function getImage({ testSet }: Collaborators) {
  return async function testImage(context: AppContext) {
    const file = context.req.param('file') ?? '';
    if (!file.endsWith('.png')) {
      throw new Problem('not_found', `There is no /images/${file}; test images are /images/N.png.`);
    }
    const scale = readParameter(
      'scale',
      context.req.query('scale'),
      scaleSchema,
      'a whole number from 1 to 20',
    );
    const text = file.slice(0, -'.png'.length);
    const { index, image } = await readTestImage(testSet, text, context.executionCtx);
    const pinned = context.req.query('dataset');
    if (pinned !== undefined && pinned !== image.tag) {
      throw new Problem('not_found', `The test set is ${image.tag}, not "${pinned}".`);
    }
    const tag = `"${image.tag}.${index}.${scale}"`;
    context.header('etag', tag);
    context.header('cache-control', pinned === undefined ? 'no-cache' : immutable);
    if (isKnown(context.req.header('if-none-match'), tag)) return context.body(null, 304);
    const png = greyPng(image, scale);
    return context.body(new Uint8Array(png), 200, { 'content-type': 'image/png' });
  };
}
