import { Problem } from '../errors.ts';
import { parseIndex } from '../input/parameters.ts';
import type { Background } from '../model/background.ts';
import type { TestSet } from '../model/test-set.ts';
import { sha256 } from '../store/published.ts';

/**
 * Reads the test image whose number a client wrote.
 *
 * @throws {Problem} `bad_index`, `index_out_of_range`; {DatasetError | StoreError}
 */
export async function readTestImage(testSet: TestSet, text: string, background: Background) {
  const { images } = await testSet.info(background);
  const index = parseIndex(text, images);
  const image = await testSet.image(index, background);
  // The test set may have been replaced by a shorter one since its size was read.
  if (image === null) throw new Problem('index_out_of_range', `Image ${index} is just gone.`);
  return { index, image };
}

/** The bytes that stand for what the network saw, so that the same image is known again. */
export const pixelBytes = (pixels: ArrayLike<number>) => Uint8Array.from(pixels, Math.round);

/** @returns the second half of a prediction's id: 64 hex digits */
export const pixelsHash = (pixels: ArrayLike<number>) => sha256(pixelBytes(pixels));
