import type { Context } from 'hono';
import type { ModelReference } from '../model/served-models.ts';

/** Adds headers that identify the version that answers and the alias that led to it. */
export function nameModel(context: Context, { version, alias }: ModelReference): void {
  context.header('x-catwalk-version', version);
  if (alias) context.header('x-catwalk-alias', alias.name);
}
