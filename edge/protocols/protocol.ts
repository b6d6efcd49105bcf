import type * as z from 'zod/mini';
import { versionSchema } from '../../shared/registry/bucket-layout.ts';
import { Problem } from '../errors.ts';
import { checkJsonBounds } from '../input/json.ts';
import { JsonError, parseJson } from '../json.ts';
import type { ModelCatalog } from '../model/model-catalog.ts';

/** @throws {Problem} `bad_json` where it nests too deep or holds too much, `bad_request` where it's no JSON, or other JSON than the schema's */
export function parseBody<Schema extends z.core.$ZodType>(
  bytes: Uint8Array,
  schema: Schema,
): z.output<Schema> {
  checkJsonBounds(bytes);
  try {
    return parseJson(bytes, schema, 'The request');
  } catch (cause) {
    if (cause instanceof JsonError) throw new Problem('bad_request', cause.message, { cause });
    throw cause;
  }
}

/** Whether a path belongs to one of the protocols, whose clients expect their own error's shape. */
export const isProtocolPath = (path: string): boolean => /^\/v[12](\/|$)/.test(path);

/** A problem as TensorFlow Serving and the Open Inference Protocol both have it: `{ "error": … }`. */
export function protocolError(problem: Problem): Response {
  // Neither knows 422: what is wrong with an input is an invalid argument.
  const status = problem.status === 422 ? 400 : problem.status;
  return Response.json(
    { error: problem.message },
    { status, headers: { 'cache-control': 'no-store', ...problem.headers } },
  );
}

/** What the model's input and output are called by the protocols that name them. */
export const inputName = 'images';
export const outputName = 'probabilities';

/**
 * A version as TensorFlow Serving numbers them: the digits of its time, so that a later one is a larger number. It fits into 64 bits,
 * and a JavaScript number.
 *
 * @param version such as 20261124T101500Z-3fa9c1d2
 * @returns such as 20261124101500
 */
export const versionNumber = (version: string): string => version.slice(0, 15).replace('T', '');

/**
 * @param text a version's number, or a version as Catwalk names it
 * @returns the version, which may be none that exists where it came by name; `null` where none has the number
 * @throws {Problem} `bad_request` where it is the number of several
 */
export async function versionOfNumber(text: string, catalog: ModelCatalog): Promise<string | null> {
  if (versionSchema.safeParse(text).success) return text;
  const versions = /^\d{14}$/.test(text)
    ? await catalog.versionsLike(`${text.slice(0, 8)}T${text.slice(8)}Z-`)
    : [];
  if (versions.length <= 1) return versions[0] ?? null;
  throw new Problem(
    'bad_request',
    `${text} is the number of several versions; ask for one of them by name: ${versions.join(', ')}.`,
  );
}
