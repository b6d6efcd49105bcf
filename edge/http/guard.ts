import type { Context, MiddlewareHandler } from 'hono';
import type { Configuration } from '../configuration.ts';
import { Problem } from '../errors.ts';

export interface GuardOptions {
  /** If empty, every route is open. */
  tokens: Configuration['apiTokens'];
  limiter: RateLimit | undefined;
}

/** Probes and scrapers are automatic: they do not count against a client's limit. */
const unlimited = ['/healthz', '/readyz', '/metrics'];
/** GET routes that need a token, because they show what clients do. */
const internal = ['/metrics'];

/** Seconds. The binding's period is 10 or 60, and the Worker can't read which. */
const retryAfter = '10';

/** Refuses requests without a valid token, if tokens are configured, and requests over the limit. It never reads the body. */
export function guard({ tokens, limiter }: GuardOptions): MiddlewareHandler {
  const recognize = recognizer(tokens);

  return async function guarded(context, next) {
    const { method, path } = context.req;
    if (method === 'OPTIONS') return next();
    const presented = tokens.length > 0 ? context.req.header('authorization') : undefined;
    const bearer = presented === undefined ? null : await recognize(presented);
    if (bearer !== null) context.set('client', bearer);
    if (limiter && !unlimited.includes(path)) await limit(limiter, keyOf(context, bearer));
    const isOpen = (method === 'GET' || method === 'HEAD') && !internal.includes(path);
    if (tokens.length > 0 && !isOpen && bearer === null) throw unauthorized(presented);
    return next();
  };
}

/** The key of the limit: the token's name, or else the network of the address. Clients without a known address share one key. */
const keyOf = (context: Context, bearer: string | null) =>
  bearer === null ? `address:${networkOf(context.var.address ?? 'unknown')}` : `token:${bearer}`;

/**
 * Returns the network of an address: the first 64 bits of an IPv6 address, because one client has all addresses that
 * begin with them (RFC 6177). IPv4 addresses, and texts that are no address, are returned as they are.
 *
 * @returns such as `2001:db8:0:7::/64`
 */
function networkOf(address: string): string {
  // The URL parser writes IPv6 addresses in one way only: in lower case, compressed, without leading zeros.
  const host = address.includes(':') ? URL.parse(`http://[${address}]`)?.hostname : undefined;
  if (host === undefined) return address;
  const [start = '', end] = host.slice(1, -1).split('::');
  const before = start.split(':').filter(Boolean);
  const after = end?.split(':').filter(Boolean) ?? [];
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after];
  // An IPv4 address written as IPv6, ::ffff:192.0.2.1.
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return host.slice(1, -1);
  return `${groups.slice(0, 4).join(':')}::/64`;
}

async function limit(limiter: RateLimit, key: string): Promise<void> {
  // A limiter that fails must not take the Worker down with it.
  const { success } = await limiter.limit({ key }).catch(() => ({ success: true }));
  if (success) return;
  throw new Problem('too_many_requests', `Too many requests: try again in ${retryAfter} s.`, {
    headers: { 'retry-after': retryAfter },
  });
}

function unauthorized(presented: string | undefined): Problem {
  const detail =
    presented === undefined
      ? 'The request has no token: send Authorization: Bearer <token>.'
      : 'The token is not one of the configured tokens.';
  const error = presented === undefined ? '' : ', error="invalid_token"';
  return new Problem('unauthorized', detail, {
    headers: { 'www-authenticate': `Bearer realm="catwalk"${error}` },
  });
}

/**
 * Compares digests, always all of them and in constant time. The duration reveals nothing about a token, not even its length.
 *
 * @returns a function from an Authorization header to the token's name, or `null` if it is unknown
 */
function recognizer(tokens: Configuration['apiTokens']) {
  let digests: Promise<ArrayBuffer[]> | null = null;
  return async function recognize(authorization: string): Promise<string | null> {
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
