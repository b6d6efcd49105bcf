import { encode } from 'fast-png';
import type { AppContext, Collaborators } from '../collaborators.ts';
import { Problem } from '../problem.ts';
import { readTestImage } from './read-test-image.ts';

/** 28 x 20 = 560 pixels a side: as large as a page shows it. */
const largestScale = 20;

/** GET /images/N.png: a test image as it is; ?scale= repeats its pixels. */
export function getImage({ testSet }: Collaborators) {
  return async function testImage(context: AppContext) {
    const file = context.req.param('file') ?? '';
    if (!file.endsWith('.png')) {
      throw new Problem('not_found', `There is no /images/${file}; test images are /images/N.png.`);
    }
    const scale = parseScale(context.req.query('scale'));
    const text = file.slice(0, -'.png'.length);
    const { image } = await readTestImage(testSet, text, context.executionCtx);
    const png = encode({
      width: image.width * scale,
      height: image.height * scale,
      data: enlarge(image.pixels, image.width, image.height, scale),
      channels: 1,
      depth: 8,
    });
    return context.body(new Uint8Array(png), 200, {
      'content-type': 'image/png',
      'cache-control': 'public, max-age=300',
    });
  };
}

function parseScale(text = '1'): number {
  const scale = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (scale >= 1 && scale <= largestScale) return scale;
  throw new Problem(
    'bad_parameter',
    `scale is "${text}"; it may be a whole number from 1 to ${largestScale}.`,
  );
}

function enlarge(pixels: Uint8Array, width: number, height: number, scale: number): Uint8Array {
  const result = new Uint8Array(pixels.length * scale * scale);
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const source = Math.floor(y / scale) * width + Math.floor(x / scale);
      result[y * width * scale + x] = pixels[source] as number;
    }
  }
  return result;
}
