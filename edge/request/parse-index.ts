import * as z from 'zod/mini';
import { Problem } from '../problem.ts';
import { indexSchema } from './parameters.ts';

/**
 * Reads the number of a test image.
 *
 * @param images how many there are
 * @throws {Problem} `bad_index` where it is no whole number, `index_out_of_range`
 */
export function parseIndex(text: string, images: number): number {
  const { success, data: index } = z.safeParse(indexSchema, text);
  if (!success) {
    throw new Problem('bad_index', `"${text}" is not a whole number from 0 to ${images - 1}.`);
  }
  if (index >= images) {
    throw new Problem(
      'index_out_of_range',
      `There is no image ${text}: the last is ${images - 1}.`,
    );
  }
  return index;
}
