import type { AppContext, Collaborators } from '../app-context.ts';
import { problemResponse, toProblem } from '../errors.ts';
import type { LoadFailure } from '../model/alias-follower.ts';
import { describeServed } from '../model/predict.ts';

/** GET /healthz: the Worker runs. */
export function getHealth() {
  return function healthz(context: AppContext) {
    return context.json({ status: 'ok' });
  };
}

/**
 * GET /readyz: 200 where a model is loaded, else 503. `failure` says what is wrong with the version
 * that the alias points at, also while an older one is served in its place.
 */
export function getReadiness({ models, alias }: Collaborators) {
  return async function readyz(context: AppContext) {
    try {
      const reference = await models.resolve({ alias }, context.executionCtx);
      const model = await models.withModel(reference, describeServed);
      return context.json({ status: 'ready', model, ...report() });
    } catch (error) {
      // Answered here, it is logged as one that was thrown.
      if (error instanceof Error) context.error = error;
      return problemResponse(toProblem(error), {
        ...report(),
        instance: context.get('requestId'),
      });
    }
  };

  /** A canary that fails makes nothing unready: whoever would get it gets what is served. */
  function report() {
    const [main, canary] = models.failures();
    return {
      failure: describe(main?.failure ?? null),
      ...(canary ? { canary: { alias: canary.alias, failure: describe(canary.failure) } } : {}),
      /** The least recently used first. */
      versionsInMemory: models.versions(),
    };
  }
}

function describe(failure: LoadFailure | null) {
  if (failure === null) return null;
  const { code, detail } = toProblem(failure.error).body;
  const retryAt = new Date(failure.retryAt).toISOString();
  return { version: failure.version, code, detail, attempts: failure.attempts, retryAt };
}
