import type { Background } from '../background.ts';
import type { TestSet } from '../dataset/test-set.ts';
import { Problem } from '../problem.ts';
import { parseIndex } from '../request/parse-index.ts';

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
