import type * as z from 'zod/mini';
import { aliasNameSchema, versionSchema } from '../../shared/registry/bucket-layout.ts';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import type { ModelChoice } from '../model/served-models.ts';

/**
 * Tells which model a request asks for: by `?version=` or `?alias=`, by the header X-Catwalk-Alias, or by none of them. Then its client
 * decides, told apart by the header X-Catwalk-Client or by its address.
 *
 * @throws {Problem} `bad_parameter` where it's no version or alias, or both are asked for
 */
export function modelChoice({ req }: AppContext): ModelChoice {
  const version = req.query('version');
  const alias = req.query('alias');
  if (version !== undefined && alias !== undefined) {
    throw new Problem('bad_parameter', 'version and alias can not be asked for at once.');
  }
  if (version !== undefined) return { version: check('version', version, versionSchema) };
  if (alias !== undefined) return { alias: check('alias', alias, aliasNameSchema) };
  const header = req.header('x-catwalk-alias');
  if (header !== undefined) return { alias: check('X-Catwalk-Alias', header, aliasNameSchema) };
  return { client: req.header('x-catwalk-client') ?? req.header('cf-connecting-ip') ?? null };
}

function check(name: string, text: string, schema: z.ZodMiniType<string>): string {
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Problem('bad_parameter', `${name} is "${text}"; ${issue?.message}.`);
}
