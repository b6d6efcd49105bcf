import * as fc from 'fast-check';
import type { Known } from '../known.ts';
import { hostileTexts, mostly, toHeaderValue } from './hostile.ts';

export type Headers = Record<string, string>;

const accepts = fc.constantFrom(
  'application/json',
  'image/png',
  'image/svg+xml',
  '*/*',
  'image/*',
  'text/html',
  '',
  'image/png;q=0.5, application/json;q=0.4',
  'application/json;q=0',
  '*/*;q=2',
  '*/*;q=NaN',
  ',,,',
  ';q=1',
  'image/png;'.repeat(500),
  '*/*,'.repeat(2000),
);
const origins = fc.constantFrom('https://example.com', 'https://other.example', 'null', '*');

/** Headers that clients send with any request, and headers that they should not. */
export function anyHeaders({ aliases, etags }: Known): fc.Arbitrary<Headers> {
  const values = {
    accept: mostly(accepts, hostileTexts),
    'if-none-match': mostly(
      fc.oneof(
        fc.constantFrom(...etags, '*'),
        fc.constantFrom(...etags).map((tag) => `W/${tag}, "x"`),
      ),
      hostileTexts,
    ),
    origin: mostly(origins, hostileTexts),
    'x-catwalk-alias': mostly(fc.constantFrom(...aliases), hostileTexts),
    'x-catwalk-client': hostileTexts,
    'cf-connecting-ip': fc.constantFrom('203.0.113.7', '2001:db8::1', 'nowhere'),
    'x-request-id': mostly(fc.stringMatching(/^[\w.-]{1,64}$/), hostileTexts),
    authorization: hostileTexts.map((text) => `Bearer ${text}`),
    'content-encoding': mostly(fc.constant('identity'), hostileTexts),
    'content-type': hostileTexts,
    range: fc.constantFrom('bytes=0-1', 'bytes=-1', 'bytes=9-1', 'lines=1-2'),
    'inference-header-content-length': hostileTexts,
    cookie: hostileTexts,
    'accept-encoding': fc.constantFrom('gzip', 'br', 'identity', 'zstd, *;q=0'),
    'if-modified-since': fc.constantFrom('Tue, 24 Nov 2026 10:00:00 GMT', 'yesterday'),
  } satisfies Record<string, fc.Arbitrary<string>>;
  const names = Object.keys(values) as (keyof typeof values)[];
  const header = fc
    .constantFrom(...names)
    .chain((name) => values[name].map((value) => [name, toHeaderValue(value)] as const));
  return fc.array(header, { maxLength: 4 }).map((headers) => Object.fromEntries(headers));
}

/** A browser's preflight request. */
export const preflightHeaders: fc.Arbitrary<Headers> = fc.record({
  origin: mostly(origins, hostileTexts).map(toHeaderValue),
  'access-control-request-method': fc.constantFrom('POST', 'DELETE', ''),
  'access-control-request-headers': mostly(
    fc.constant('content-type, x-request-id'),
    hostileTexts,
    5,
  ).map(toHeaderValue),
});
