import type { AppContext, Collaborators } from '../app-context.ts';

/** GET /models: the versions and aliases in the bucket. */
export function getModels({ catalog }: Collaborators) {
  return async function listModels(context: AppContext) {
    return context.json(await catalog.list());
  };
}
