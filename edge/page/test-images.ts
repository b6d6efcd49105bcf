import { withModel } from './requests.ts';

type InputShape = readonly [height: number, width: number, channels: number];

/** The longer side up to which each pixel is drawn as a square. Larger images are photos, which the browser enlarges smoothly. */
const maxSquares = 95;

/** Whether the network sees whole photos rather than a few pixels. */
export const seesPhotos = ([height, width]: InputShape): boolean =>
  Math.max(height, width) > maxSquares;

/**
 * The address of a test image, relative to the page.
 *
 * @param scale how often each pixel of a small image is repeated
 */
export const testImageUrl = (index: number, inputShape: InputShape, scale: number): string =>
  withModel(`images/${index}.png${seesPhotos(inputShape) ? '' : `?scale=${scale}`}`);
