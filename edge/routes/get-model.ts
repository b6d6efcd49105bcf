import type { AppContext, Collaborators } from '../collaborators.ts';

/** GET /model: the manifest of the version being served, and the alias that points at it. */
export function getModel({ follower }: Collaborators) {
  return async function servedModel(context: AppContext) {
    const answer = await follower.withModel(context.executionCtx, (served) => ({
      alias: { name: served.aliasName, ...served.alias },
      manifest: served.model.manifest,
    }));
    return context.json(answer);
  };
}
