/** Whose scripts may read the answers (https://fetch.spec.whatwg.org/#http-cors-protocol). */
export interface Cors {
  /** Adds to any answer what a browser needs to give it to a script of `origin`. */
  allow(origin: string | undefined, headers: Headers): void;
}

/** What a script may read besides the body and the headers that it always may. */
const exposed =
  'ETag, Retry-After, Server-Timing, WWW-Authenticate, X-Catwalk-Alias, X-Catwalk-Version, X-Request-Id';

/** @returns `null` where nobody else's scripts may */
export function openCors(origins: '*' | string[]): Cors | null {
  if (origins.length === 0) return null;
  return {
    allow(origin, headers) {
      // A cache must not give one origin's answer to another.
      if (origins !== '*') headers.append('vary', 'Origin');
      if (origin === undefined || (origins !== '*' && !origins.includes(origin))) return;
      headers.set('access-control-allow-origin', origins === '*' ? '*' : origin);
      headers.set('access-control-expose-headers', exposed);
    },
  };
}

/** Seconds that a browser may remember a preflight; Chromium's most. */
const preflightSeconds = '7200';

/**
 * @param allowed the methods of a route, such as `GET, HEAD, OPTIONS`
 * @returns what OPTIONS answers; a preflight is told of every header it asks for, which `allow` makes count where it may
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
