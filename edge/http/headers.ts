import type { Context, MiddlewareHandler } from 'hono';
import { drainBody } from '../input/body.ts';
import type { ModelReference } from '../model/served-models.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Cors } from './cors.ts';

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string;
    /** The name of the request's token, if it has one. */
    client?: string;
  }
}

/** Request ids that a client may choose. */
const acceptedId = /^[\w.-]{1,64}$/;

/**
 * Adds what every response has: a request id, the time spent waiting for I/O, CORS headers if configured, and `no-store` unless the
 * route sets Cache-Control. Then it counts the request. It waits for nothing, except for the body of a refused request.
 *
 * @param now milliseconds since 1970, of a clock that stands still while a Worker computes
 */
export function aroundRequest(
  cors: Cors | null,
  telemetry: Telemetry,
  now: () => number,
): MiddlewareHandler {
  return async function around(context, next) {
    const startedAt = now();
    const asked = context.req.header('x-request-id');
    const id = asked !== undefined && acceptedId.test(asked) ? asked : crypto.randomUUID();
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

/** Adds headers that identify the version that answers and the alias that led to it. */
export function nameModel(context: Context, { version, alias }: ModelReference): void {
  context.header('x-catwalk-version', version);
  if (alias) context.header('x-catwalk-alias', alias.name);
}

/** Cache-Control of responses that never change: a year, the maximum that caches count (RFC 9111, section 1.2.2). */
export const immutable = 'public, max-age=31536000, immutable';

/**
 * Whether If-None-Match says that the client has a response already. Tags are compared weakly, because a proxy that compresses makes
 * them weak (RFC 9110, section 13.1.2).
 *
 * @param tag the ETag of the response, with its quotes
 */
export function isKnown({ req }: Context, tag: string): boolean {
  const header = req.header('if-none-match');
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
