import { Problem } from '../problem.ts';

/**
 * Reads the number of a test image.
 *
 * @param images how many there are
 * @throws {Problem} `bad_index` where it is no whole number, `index_out_of_range`
 */
export function parseIndex(text: string, images: number): number {
  if (!/^\d+$/.test(text)) {
    throw new Problem('bad_index', `"${text}" is not a whole number from 0 to ${images - 1}.`);
  }
  const index = Number(text);
  if (index >= images) {
    throw new Problem(
      'index_out_of_range',
      `There is no image ${text}: the last is ${images - 1}.`,
    );
  }
  return index;
}
