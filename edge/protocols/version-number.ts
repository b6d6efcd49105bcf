import { versionSchema } from '../../shared/version.ts';
import type { ModelCatalog } from '../model/model-catalog.ts';
import { Problem } from '../problem.ts';

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
