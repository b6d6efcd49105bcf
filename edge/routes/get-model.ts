import type { AppContext, Collaborators } from '../app-context.ts';
import { nameModel } from '../http/model-headers.ts';
import { modelChoice } from '../input/model-choice.ts';

/** GET /model: a version's manifest, of the one that is served unless another is asked for, and the alias that led to it. */
export function getModel({ models }: Collaborators) {
  return async function servedModel(context: AppContext) {
    const reference = await models.resolve(modelChoice(context), context.executionCtx);
    const answer = await models.withModel(reference, ({ model, alias }) => {
      // Its history says who moved it and why, which is not for the public.
      const { name, version, updatedAt, previous } = alias ?? {};
      return {
        alias: alias && { name, version, updatedAt, previous },
        manifest: model.manifest,
      };
    });
    nameModel(context, reference);
    return context.json(answer);
  };
}
