import type { ModelSpec } from './model-spec.ts';

/**
 * Turns grey pixels 0..255 into the numbers that the network takes: `(p / 255 - mean) / std`.
 *
 * @param pixels bytes, any number of images
 * @param target written in place where given; as long as `pixels`
 */
export function normalizePixels(
  pixels: ArrayLike<number>,
  { mean, std }: ModelSpec['preprocessing'],
  target = new Float32Array(pixels.length),
): Float32Array {
  for (let i = 0; i < pixels.length; i++) {
    target[i] = ((pixels[i] as number) / 255 - mean) / std;
  }
  return target;
}
