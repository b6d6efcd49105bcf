/** Reads what a request says outside its body: path, query and headers. */
import type { Context, Handler } from 'hono';
import * as z from 'zod/mini';
import { aliasNameSchema, modelNameSchema, versionSchema } from '../../shared/model/names.ts';
import { Problem } from '../errors.ts';
import type { Background } from '../model/alias-follower.ts';
import type { VersionChoice } from '../model/followed-model.ts';
import type { ModelChoice } from '../model/served-models.ts';
import type { TestImage } from '../model/test-set.ts';
import type { TestSets } from '../model/test-sets.ts';

const wholeNumber = (schema: z.ZodMiniNumber<number>) =>
  z.pipe(
    z.pipe(
      z.string().check(z.regex(/^\d+$/)),
      // Numbers beyond every limit need not be exact.
      z.transform((text: string) => Math.min(Number(text), Number.MAX_SAFE_INTEGER)),
    ),
    schema,
  );

/** The index of a test image. The test set decides how many there are. */
export const indexSchema = wholeNumber(z.int().check(z.nonnegative()));

/** Enlarges a test image: 28 x 20 = 560 pixels a side are the largest that a page shows. */
export const scaleSchema = z._default(wholeNumber(z.int().check(z.minimum(1), z.maximum(20))), 1);

/** Whether to swap light and dark. `auto` does so if the background is light. */
export const invertSchema = z._default(z.enum(['auto', 'true', 'false']), 'auto');

/** Whether to answer with the image that the network saw. */
export const echoSchema = z._default(z.enum(['false', 'true']), 'false');

/**
 * Checks that the query has no other parameters than a route's, and none twice: with a name that is misspelt, a request would get the answer
 * to another one.
 *
 * @throws {Problem} `bad_parameter`
 */
export function checkQuery({ req }: Context, accepted: readonly string[]): void {
  if (!req.url.includes('?')) return;
  for (const [name, values] of Object.entries(req.queries())) {
    if (!accepted.includes(name)) throw unknownParameter(name, accepted, req.path);
    if (values.length > 1) throw new Problem('bad_parameter', `The query has ${name} twice.`);
  }
}

function unknownParameter(name: string, accepted: readonly string[], path: string): Problem {
  const written = name.slice(0, 80);
  const other = accepted.find((each) => each === name.toLowerCase());
  if (other) return new Problem('bad_parameter', `Write the parameter "${written}" as "${other}".`);
  const has = accepted.length === 0 ? 'no parameters' : `only ${accepted.join(', ')}`;
  return new Problem('bad_parameter', `${path} has no parameter "${written}"; it has ${has}.`);
}

/**
 * Makes a handler that checks the query first.
 *
 * @param parameters the accepted parameters by name
 */
export function checkingQuery(parameters: object, handler: Handler): Handler {
  const accepted = Object.keys(parameters);
  return function answerChecked(context, next) {
    checkQuery(context, accepted);
    return handler(context, next);
  };
}

/**
 * Reads a query parameter.
 *
 * @param accepted the accepted values, for the error message
 * @throws {Problem} `bad_parameter`
 */
export function readParameter<Schema extends z.core.$ZodType>(
  { req }: Context,
  name: string,
  schema: Schema,
  accepted: string,
): z.output<Schema> {
  const text = req.query(name);
  const { success, data } = z.safeParse(schema, text);
  if (success) return data;
  throw new Problem('bad_parameter', `${name} is "${text}"; it may be ${accepted}.`);
}

export const readInvert = (context: Context) =>
  readParameter(context, 'invert', invertSchema, 'auto, true, false');

/** Reads the model that a request names with `?model=`. */
export function modelName({ req }: Context): string | undefined {
  const name = req.query('model');
  return name === undefined ? undefined : check('model', name, modelNameSchema);
}

/** Reads which model a request selects with `?model=`, and which of its versions. */
export const modelChoice = (context: Context): ModelChoice => ({
  model: modelName(context),
  choice: versionChoice(context),
});

/**
 * Reads which version a request selects: with `?version=`, `?alias=` or the header X-Catwalk-Alias. Otherwise its client decides, which the
 * header X-Catwalk-Client or its address identifies.
 *
 * @throws {Problem} `bad_parameter` if the value is not a version or an alias, or if the query has both
 */
export function versionChoice({ req, var: { address } }: Context): VersionChoice {
  const version = req.query('version');
  const alias = req.query('alias');
  if (version !== undefined && alias !== undefined) {
    throw new Problem('bad_parameter', 'Use either version or alias, not both.');
  }
  if (version !== undefined) return { version: check('version', version, versionSchema) };
  if (alias !== undefined) return { alias: check('alias', alias, aliasNameSchema) };
  const header = req.header('x-catwalk-alias');
  if (header !== undefined) return { alias: check('X-Catwalk-Alias', header, aliasNameSchema) };
  return { client: req.header('x-catwalk-client') ?? address };
}

function check(name: string, text: string, schema: z.ZodMiniType<string>): string {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Problem('bad_parameter', `${name} is "${text}"; ${issue?.message}.`);
}

/** The parameter that names a test set, so that the answer never changes. */
export const datasetParameter = {
  schema: z.optional(z.string()),
  description:
    "The test set, which is the first part of an image's ETag: only an image of that test set is returned.",
};

/**
 * Checks that the test set is the one that a request names with `?dataset=`.
 *
 * @returns whether the request names one
 * @throws {Problem} `not_found` if it is another one
 */
export function isPinned({ req }: Context, { tag }: TestImage): boolean {
  const pinned = req.query('dataset');
  if (pinned === undefined || pinned === tag) return pinned !== undefined;
  throw new Problem('not_found', `The test set is ${tag}, not "${pinned.slice(0, 80)}".`);
}

/** A test image that a request asked for. */
export interface ReadImage {
  index: number;
  image: TestImage;
  /** Whether it is one of the images that the deployment carries, because the bucket can't answer. */
  isSnapshot: boolean;
}

/** What reading a test image needs. */
export interface ImageReading {
  testSets: TestSets;
  /** The data set (default: the Worker's own). */
  dataset?: string | null;
  /** The index that a client sent. `undefined`: any image. */
  text: string | undefined;
  /** @returns a number from 0 to below 1 */
  random: () => number;
}

/**
 * Reads the test image whose index a client sent, or any one.
 *
 * @throws {Problem} `bad_index`, `index_out_of_range`
 * @throws {DatasetError | StoreError}
 */
export function readTestImage(reading: ImageReading, background: Background): Promise<ReadImage> {
  const { testSets, dataset = null, text, random } = reading;
  return testSets.use(
    dataset,
    async (testSet, isSnapshot) => {
      const { images } = await testSet.info(background);
      const index =
        text === undefined ? Math.floor(random() * images) : parseIndex(text, images, isSnapshot);
      const image = await testSet.image(index, background);
      if (image) return { index, image, isSnapshot };
      // A shorter test set may have replaced the one whose size was read.
      throw new Problem('index_out_of_range', `Image ${index} is no longer in the test set.`);
    },
    background,
  );
}

function parseIndex(text: string, images: number, isSnapshot: boolean): number {
  const { success, data: index } = z.safeParse(indexSchema, text);
  if (!success) {
    throw new Problem('bad_index', `"${text}" is not a whole number from 0 to ${images - 1}.`);
  }
  if (index < images) return index;
  const why = isSnapshot
    ? 'the bucket has no valid test images, and the last one that the deployment carries is'
    : 'the last is';
  throw new Problem('index_out_of_range', `There is no image ${text}: ${why} ${images - 1}.`);
}
