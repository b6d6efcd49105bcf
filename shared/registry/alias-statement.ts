import type { Alias } from './manifest.ts';

/**
 * Returns the text that an alias's Ed25519 signature signs. It starts with its kind, so that no signature of a manifest or of a
 * checkpoint is valid for an alias.
 *
 * @param name the model's name
 */
export const aliasStatement = (
  name: string,
  alias: string,
  { version, updatedAt, previous }: Pick<Alias, 'version' | 'updatedAt' | 'previous'>,
): string => ['catwalk-alias-1', name, alias, version, updatedAt, previous ?? '-'].join('\n');
