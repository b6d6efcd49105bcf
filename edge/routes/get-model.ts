import type { AppContext, Collaborators } from '../collaborators.ts';

/** GET /model: the manifest of the version being served, and the alias that points at it. */
export function getModel({ follower }: Collaborators) {
  return async function servedModel(context: AppContext) {
    const answer = await follower.withModel(context.executionCtx, ({ model, aliasName, alias }) => {
      // Its history says who moved it and why, which is not for the public.
      const { version, updatedAt, previous } = alias;
      return {
        alias: { name: aliasName, version, updatedAt, previous },
        manifest: model.manifest,
      };
    });
    return context.json(answer);
  };
}
