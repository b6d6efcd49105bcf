/** Adds the CORS headers (https://fetch.spec.whatwg.org/#http-cors-protocol). */
export interface Cors {
  /** Lets scripts of `origin` read a response, if the origin is allowed. */
  allow(origin: string | undefined, headers: Headers): void;
}

/** Response headers that scripts may read, in addition to those that they always may. */
const exposed =
  'ETag, Retry-After, Server-Timing, WWW-Authenticate, X-Catwalk-Alias, X-Catwalk-Version, X-Request-Id';

/** @returns `null` if no other origin is allowed */
export function openCors(origins: '*' | string[]): Cors | null {
  if (origins.length === 0) return null;
  return {
    allow(origin, headers) {
      // A cache must not give one origin's response to another.
      if (origins !== '*') headers.append('vary', 'Origin');
      if (origin === undefined || (origins !== '*' && !origins.includes(origin))) return;
      headers.set('access-control-allow-origin', origins === '*' ? '*' : origin);
      headers.set('access-control-expose-headers', exposed);
    },
  };
}

/** Seconds for which a browser may keep a preflight response: Chromium's maximum. */
const preflightSeconds = '7200';

/**
 * Answers OPTIONS. A preflight allows every requested header: only `Cors.allow` decides whether the browser accepts it.
 *
 * @param allowed the methods of a route, such as `GET, HEAD, OPTIONS`
 */
export function optionsResponse(request: Request, allowed: string): Response {
  const headers = new Headers({ allow: allowed });
  if (request.headers.has('access-control-request-method')) {
    headers.set('access-control-allow-methods', allowed);
    headers.set('access-control-max-age', preflightSeconds);
    const asked = request.headers.get('access-control-request-headers');
    if (asked) headers.set('access-control-allow-headers', asked);
    headers.append('vary', 'Access-Control-Request-Headers');
  }
  return new Response(null, { status: 204, headers });
}
