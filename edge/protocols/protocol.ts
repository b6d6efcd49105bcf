/** The code that both protocols share: tensor names and version numbers. */
import type { Context } from 'hono';
import type * as z from 'zod/mini';
import { formatOf } from '../../shared/image/decode-image.ts';
import { versionSchema } from '../../shared/model/names.ts';
import type { AppContext } from '../app-context.ts';
import { ModelError, Problem } from '../errors.ts';
import { parseJsonBody } from '../input/json.ts';
import { versionChoice } from '../input/parameters.ts';
import type { ModelReference } from '../model/followed-model.ts';
import type { ModelCatalog } from '../model/model-catalog.ts';

/**
 * Parses a request's JSON.
 *
 * @param advice how to send an image, for errors about a body that is an image file
 * @throws {Problem} `bad_request` if the body does not match the schema, `bad_json` if it is too deep or too long
 */
export function parseRequest<Schema extends z.core.$ZodType>(
  body: Uint8Array,
  schema: Schema,
  advice: string,
): z.output<Schema> {
  const format = body[0] === 0x2d ? 'a form' : formatOf(body);
  if (format !== null) throw badRequest(`The body is ${format}, not JSON. ${advice}`);
  return parseJsonBody(body, schema, 'The request', 'bad_request');
}

export const badRequest = (message: string) => new Problem('bad_request', message);

/** Parameters of the query that both protocols take. Their own have none. */
export const queryNames = ['version', 'alias'];

/** Names of the model's input and output in protocols that name them. */
export const inputName = 'images';
export const outputName = 'probabilities';

/**
 * The number of a version in TensorFlow Serving: the digits of its time, so that later versions have larger numbers. It fits into 64 bits
 * and into a JavaScript number.
 *
 * @param version such as 20261124T101500Z-3fa9c1d2
 * @returns such as 20261124101500
 */
export const versionNumber = (version: string): string => version.slice(0, 15).replace('T', '');

/**
 * Resolves the version that a path names, or else the model that the rest of the request selects.
 *
 * @param target a model, and a version's number, or its own name
 * @param missing makes the error to throw if the version does not exist
 * @throws {Problem} `bad_request` if several versions have the number
 */
export async function resolveVersion(
  { models, catalogs }: AppContext,
  context: Context,
  { name, version }: { name: string; version: string | undefined },
  missing: () => Problem,
): Promise<ModelReference> {
  try {
    if (version === undefined) {
      const choice = versionChoice(context);
      return await models.resolve({ model: name, choice }, context.executionCtx);
    }
    const found = await versionOfNumber(version, catalogs.of(name));
    if (found === null) throw missing();
    const choice = { version: found };
    return await models.resolve({ model: name, choice }, context.executionCtx);
  } catch (error) {
    throw isModelMissing(error) ? missing() : error;
  }
}

/**
 * Checks that the Worker serves the model that a path names.
 *
 * @param missing makes the error to throw if it does not
 */
export function checkName<Target extends { name: string }>(
  { models }: AppContext,
  target: Target,
  missing: (target: Target) => Problem,
): void {
  if (!models.mayServe(target.name)) throw missing(target);
}

/** Whether an error says that there is no such version or model. */
export const isModelMissing = (error: unknown): boolean =>
  error instanceof ModelError && ['version_not_found', 'model_not_found'].includes(error.code);

async function versionOfNumber(text: string, catalog: ModelCatalog): Promise<string | null> {
  if (versionSchema.safeParse(text).success) return text;
  const versions = /^\d{14}$/.test(text)
    ? await catalog.versionsLike(`${text.slice(0, 8)}T${text.slice(8)}Z-`)
    : [];
  if (versions.length <= 1) return versions[0] ?? null;
  throw badRequest(
    `Several versions have the number ${text}. Use the name of one of them: ${versions.join(', ')}.`,
  );
}
