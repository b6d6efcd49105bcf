import type { AppContext } from '../collaborators.ts';
import type { ModelReference } from '../model/served-models.ts';

/** Has a response's headers say which version answers, and the alias that led to it. */
export function nameModel(context: AppContext, { version, alias }: ModelReference): void {
  context.header('x-catwalk-version', version);
  if (alias) context.header('x-catwalk-alias', alias.name);
}
