import type { Context } from 'hono';
import * as z from 'zod/mini';
import { aliasNameSchema, versionSchema } from '../../shared/model/names.ts';
import { servedModelSchema } from '../../shared/model/prediction.ts';
import type { AppContext } from '../app-context.ts';
import { problemResponse, toProblem } from '../errors.ts';
import { nameModel } from '../http/headers.ts';
import type { LoadFailure } from '../model/alias-follower.ts';
import { describeServed } from '../model/predict.ts';
import { problemCodeSchema, problemSchema } from './contract.ts';
import { route } from './route.ts';

const loadFailureSchema = z.nullable(
  z.object({
    version: z.nullable(versionSchema),
    code: problemCodeSchema,
    detail: z.string(),
    attempts: z.int().check(z.positive()),
    retryAt: z.iso.datetime(),
  }),
);

const reportSchemas = {
  failure: loadFailureSchema,
  /** Missing if no canary is configured. */
  canary: z.optional(z.object({ alias: aliasNameSchema, failure: loadFailureSchema })),
  /** The least recently used first. */
  versionsInMemory: z.array(versionSchema),
};

const readySchema = z.object({
  status: z.literal('ready'),
  model: servedModelSchema,
  /** Whether the deployment's snapshot answers, because the bucket can't: `failure` says why. */
  degraded: z.boolean(),
  /** Layers without a fast kernel. */
  stockLayers: z.array(z.string()),
  ...reportSchemas,
});

const notReadySchema = z.extend(problemSchema, reportSchemas);

export const live = route(
  {
    id: 'live',
    tag: 'Health',
    summary: 'Check that the Worker runs',
    description: 'Reads nothing from the bucket. To check that predictions work, use `/readyz`.',
    answers: {
      200: {
        description: 'The Worker runs.',
        content: { 'application/json': { schema: z.object({ status: z.literal('ok') }) } },
      },
    },
    problems: [],
  },
  () =>
    function healthz(context) {
      return context.json({ status: 'ok' });
    },
);

export const ready = route(
  {
    id: 'ready',
    tag: 'Health',
    summary: 'Check that a model is served',
    description:
      '`failure` describes what is wrong with the version that the alias points to. It is also set while an older version or the snapshot is served instead; `degraded` is true if it is the snapshot. `stockLayers` are the layers of the model that TensorFlow.js computes, because there is no fast kernel for them.',
    answers: {
      200: {
        description: 'A model is served.',
        content: { 'application/json': { schema: readySchema } },
      },
      503: {
        description: 'No model is served.',
        content: { 'application/problem+json': { schema: notReadySchema } },
      },
    },
    problems: [],
    schemas: { Ready: readySchema, NotReady: notReadySchema },
  },
  openReady,
);

function openReady({ models, configuration: { alias }, now, elapsed }: AppContext) {
  return async function readyz(context: Context) {
    try {
      const reference = await models.resolve({ choice: { alias } }, context.executionCtx);
      const described = await models.withModel(reference, (served) => ({
        model: describeServed(served),
        degraded: served.isSnapshot,
        stockLayers: [...served.model.stockLayers],
      }));
      nameModel(context, reference);
      return context.json({ status: 'ready', ...described, ...report() });
    } catch (error) {
      // Telemetry logs it like an error that was thrown.
      if (error instanceof Error) context.error = error;
      const instance = context.get('requestId');
      return problemResponse(toProblem(error), { ...report(), instance });
    }
  };

  /** A canary that fails does not make the Worker unready: its clients get the default alias. */
  function report() {
    const [main, canary] = models.failures();
    const startOfClock = now() - elapsed();
    return {
      failure: describe(main?.failure ?? null, startOfClock),
      ...(canary && {
        canary: { alias: canary.alias, failure: describe(canary.failure, startOfClock) },
      }),
      versionsInMemory: models.versions(),
    };
  }
}

/** @param startOfClock when the clock of `retryAt` was 0, in milliseconds since 1970 */
function describe(failure: LoadFailure | null, startOfClock: number) {
  if (failure === null) return null;
  const { code, detail } = toProblem(failure.error).body;
  const retryAt = new Date(startOfClock + failure.retryAt).toISOString();
  return { version: failure.version, code, detail, attempts: failure.attempts, retryAt };
}
