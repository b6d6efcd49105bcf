import type { MiddlewareHandler } from 'hono';
import type { Cors } from './cors.ts';

/** What a client may call a request: it is answered and logged as it is. */
const saneId = /^[\w.-]{1,64}$/;

/**
 * What every request gets, whatever answers it: a request id, CORS headers where they are configured, and `no-store` unless its
 * route says otherwise. It runs with every prediction: nothing in it waits.
 */
export function aroundRequest(cors: Cors | null): MiddlewareHandler {
  return async function around(context, next) {
    const asked = context.req.header('x-request-id');
    const id = asked !== undefined && saneId.test(asked) ? asked : crypto.randomUUID();
    context.set('requestId', id);
    await next();
    const { headers } = context.res;
    headers.set('x-request-id', id);
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    if (cors) cors.allow(context.req.header('origin'), headers);
  };
}
