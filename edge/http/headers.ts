import type { Context, MiddlewareHandler } from 'hono';
import { drainBody } from '../input/body.ts';
import type { BodyReservation } from '../input/body-memory.ts';
import type { ModelReference } from '../model/followed-model.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Cors } from './cors.ts';

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string;
    /** The name of the request's token, if it has one. */
    client?: string;
    /** The client's address, or `null` if no header can be trusted to hold it. */
    address: string | null;
    /** The memory for the request's body. */
    body: BodyReservation;
  }
}

/** Request ids that a client may choose. */
const acceptedId = /^[\w.-]{1,64}$/;

/** The longest address is an IPv6 address with a zone. */
const maxAddressLength = 64;

/** Nothing that the Worker answers needs to load, run or embed anything: the page is a static asset with its own policy. */
const contentPolicy = "default-src 'none'; frame-ancestors 'none'; sandbox";
/** Shows the pictures that an SVG contains, if a browser opens it as a document. */
const svgPolicy = `${contentPolicy}; img-src data:; style-src 'unsafe-inline'`;

export interface AroundRequestOptions {
  /** `null`: no other origin may read answers. */
  cors: Cors | null;
  telemetry: Telemetry;
  /** The header with the client's address, or `null` if none can be trusted. */
  addressHeader: string | null;
  reserveBody: () => BodyReservation;
  /** Milliseconds of a clock that never goes back. It stands still while a Worker computes. */
  elapsed: () => number;
}

/**
 * Adds what every response has: a request id, the time spent waiting for I/O, a content policy, CORS headers if configured, and `no-store`
 * unless the route sets Cache-Control. Then it releases the memory of the request's body and counts the request. It waits for
 * nothing, except for a body that no handler has read.
 */
export function aroundRequest(options: AroundRequestOptions): MiddlewareHandler {
  const { cors, telemetry, addressHeader, reserveBody, elapsed } = options;
  return async function around(context, next) {
    const startedAt = elapsed();
    const asked = context.req.header('x-request-id');
    const id = asked !== undefined && acceptedId.test(asked) ? asked : crypto.randomUUID();
    context.set('requestId', id);
    const address = addressHeader === null ? undefined : context.req.header(addressHeader);
    context.set('address', address?.slice(0, maxAddressLength) ?? null);
    const body = reserveBody();
    context.set('body', body);
    await next();
    body.release();
    await drainBody(context.req.raw, body);
    const { headers } = context.res;
    const milliseconds = elapsed() - startedAt;
    headers.set('x-request-id', id);
    headers.set('server-timing', `io;dur=${milliseconds}`);
    headers.set('x-content-type-options', 'nosniff');
    const isSvg = headers.get('content-type')?.startsWith('image/svg+xml');
    headers.set('content-security-policy', isSvg ? svgPolicy : contentPolicy);
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    if (cors) cors.allow(context.req.header('origin'), headers);
    telemetry.answered(context, milliseconds);
  };
}

/** Adds headers that identify the version that answers, the alias that led to it, and the snapshot if it answers. */
export function nameModel(context: Context, { version, alias, isSnapshot }: ModelReference): void {
  context.header('x-catwalk-version', version);
  if (alias) context.header('x-catwalk-alias', alias.name);
  if (isSnapshot) context.header('x-catwalk-source', 'snapshot');
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
