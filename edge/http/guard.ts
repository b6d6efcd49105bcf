import type { Context, MiddlewareHandler } from 'hono';
import { Problem } from '../errors.ts';

/** What opens the routes that are not for everybody. */
export interface ApiToken {
  /** What logs and limits call its bearer. */
  name: string;
  token: string;
}

export interface GuardOptions {
  /** Where there are none, every route is open. */
  tokens: readonly ApiToken[];
  limiter: RateLimit | undefined;
}

/** Probes and preflights come by themselves, and must not use up anybody's share. */
const unlimited = ['/healthz', '/readyz', '/metrics'];
/** GET routes that tell what the Worker's clients do. */
const inside = ['/metrics', '/drift'];

/** Seconds; the binding's period is 10 or 60, and does not say which. */
const retryAfter = '10';

/** Lets through who has a token, where one is needed, and who has not asked too often. Nothing of the body is read before. */
export function guard({ tokens, limiter }: GuardOptions): MiddlewareHandler {
  const bearerOf = recognize(tokens);

  return async function guarded(context, next) {
    const { method, path } = context.req;
    if (method === 'OPTIONS') return next();
    const presented = tokens.length > 0 ? context.req.header('authorization') : undefined;
    const bearer = presented === undefined ? null : await bearerOf(presented);
    if (bearer !== null) context.set('client', bearer);
    if (limiter && !unlimited.includes(path)) await limit(limiter, keyOf(context, bearer));
    const isOpen = (method === 'GET' || method === 'HEAD') && !inside.includes(path);
    if (tokens.length > 0 && !isOpen && bearer === null) throw unauthorized(presented);
    return next();
  };
}

/** Keyed by token, else by address, which Cloudflare sets and no client can (https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/). */
const keyOf = (context: Context, bearer: string | null) =>
  bearer === null
    ? `address:${context.req.header('cf-connecting-ip') ?? 'unknown'}`
    : `token:${bearer}`;

async function limit(limiter: RateLimit, key: string): Promise<void> {
  // A limiter that can't be asked must not take the Worker down with it.
  const { success } = await limiter.limit({ key }).catch(() => ({ success: true }));
  if (success) return;
  throw new Problem('too_many_requests', 'More requests than are allowed; ask again later.', {
    headers: { 'retry-after': retryAfter },
  });
}

function unauthorized(presented: string | undefined): Problem {
  const detail =
    presented === undefined
      ? 'The request has no token: send Authorization: Bearer <token>.'
      : 'The token is none of those that are allowed.';
  const error = presented === undefined ? '' : ', error="invalid_token"';
  return new Problem('unauthorized', detail, {
    headers: { 'www-authenticate': `Bearer realm="catwalk"${error}` },
  });
}

/**
 * Compares digests, all of them and in constant time: how long it takes tells nothing of a token, not even of its length.
 *
 * @returns the name of an Authorization header's token, `null` where it's unknown
 */
function recognize(tokens: readonly ApiToken[]) {
  let digests: Promise<ArrayBuffer[]> | null = null;
  return async function nameOf(authorization: string): Promise<string | null> {
    const [, token] = /^Bearer +([^ ]+) *$/i.exec(authorization) ?? [];
    if (token === undefined) return null;
    digests ??= Promise.all(tokens.map((each) => digest(each.token)));
    const presented = await digest(token);
    let found: string | null = null;
    for (const [position, known] of (await digests).entries()) {
      if (crypto.subtle.timingSafeEqual(known, presented)) found = tokens[position]?.name ?? null;
    }
    return found;
  };
}

const digest = (token: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
