import * as z from 'zod/mini';
import { Problem } from '../errors.ts';

const wholeNumber = (schema: z.ZodMiniNumber<number>) =>
  z.pipe(
    z.pipe(
      z.string().check(z.regex(/^\d+$/)),
      // What is larger than any bound need not be exact.
      z.transform((text: string) => Math.min(Number(text), Number.MAX_SAFE_INTEGER)),
    ),
    schema,
  );

/** The number of a test image; how many there are is checked against the test set. */
export const indexSchema = wholeNumber(z.int().check(z.nonnegative()));

/** How often a test image's pixels are repeated: 28 x 20 = 560 pixels a side are as large as a page shows it. */
export const scaleSchema = z._default(wholeNumber(z.int().check(z.minimum(1), z.maximum(20))), 1);

/** Whether the image's light and dark are swapped; `auto` does so where its background is light. */
export const invertSchema = z._default(z.enum(['auto', 'true', 'false']), 'auto');

/** Whether the answer has the image that the network saw. */
export const echoSchema = z._default(z.enum(['false', 'true']), 'false');

/**
 * @param text a query parameter as it came; `undefined` where it did not
 * @throws {Problem} `bad_parameter`, which says what it may be
 */
export function readParameter<Schema extends z.core.$ZodType>(
  name: string,
  text: string | undefined,
  schema: Schema,
  mayBe: string,
): z.output<Schema> {
  const { success, data } = z.safeParse(schema, text);
  if (success) return data;
  throw new Problem('bad_parameter', `${name} is "${text}"; it may be ${mayBe}.`);
}

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
