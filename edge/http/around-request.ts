import type { MiddlewareHandler } from 'hono';
import { drainBody } from '../input/body.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Cors } from './cors.ts';

/** What a client may call a request: it is answered and logged as it is. */
const saneId = /^[\w.-]{1,64}$/;

/**
 * What every request gets, whatever answers it: a request id, how long it awaited I/O, CORS headers where they are configured, and
 * `no-store` unless its route says otherwise. Then it is counted. It runs with every prediction: nothing in it waits, except for
 * the body of a request that is refused.
 *
 * @param now milliseconds since 1970, by a clock that stands still while a Worker computes
 */
export function aroundRequest(
  cors: Cors | null,
  telemetry: Telemetry,
  now: () => number,
): MiddlewareHandler {
  return async function around(context, next) {
    const startedAt = now();
    const asked = context.req.header('x-request-id');
    const id = asked !== undefined && saneId.test(asked) ? asked : crypto.randomUUID();
    context.set('requestId', id);
    await next();
    if (context.res.status >= 400) await drainBody(context.req.raw);
    const { headers } = context.res;
    headers.set('x-request-id', id);
    headers.set('server-timing', `io;dur=${now() - startedAt}`);
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    if (cors) cors.allow(context.req.header('origin'), headers);
    telemetry.answered(context, startedAt);
  };
}
