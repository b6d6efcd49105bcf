import * as fc from 'fast-check';
import type { OpenApiDocument } from '../../../infra/openapi/document.ts';
import type { Known } from '../known.ts';
import { anyBody, fileBodies, type Material } from './bodies.ts';
import { anyHeaders, preflightHeaders } from './headers.ts';
import { escaped, hostileTexts, mostly } from './hostile.ts';
import { type Draft, operationRequests } from './operation-requests.ts';
import { inferenceRequests, servingRequests } from './protocol-requests.ts';
import { printable, type RouteRequest } from './route-request.ts';

/** The methods that workerd passes on; it refuses others itself. */
const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'PURGE',
  'COPY',
  'LOCK',
  'MOVE',
  'PROPFIND',
  'SEARCH',
  'REPORT',
  'NOTIFY',
  'SUBSCRIBE',
];

export interface Subject {
  document: OpenApiDocument;
  known: Known;
  material: Material;
  /** Paths of the static assets. */
  assets: string[];
}

/** Requests for everything that a Worker answers, and for what it does not. */
export function anyRequest({
  document,
  known,
  material,
  assets,
}: Subject): fc.Arbitrary<RouteRequest> {
  const drafts = fc.oneof(
    { weight: 10, arbitrary: operationRequests(document, known, material) },
    { weight: 3, arbitrary: servingRequests(known, material) },
    { weight: 3, arbitrary: inferenceRequests(known, material) },
    { weight: 1, arbitrary: otherRequests(assets, material) },
  );
  const made = fc
    .record({
      draft: drafts,
      headers: anyHeaders(known),
      isOdd: fc.boolean(),
      isChunked: mostly(fc.constant(false), fc.constant(true)),
    })
    .map(({ draft: { method, target, body }, headers, isOdd, isChunked }) => {
      // Half of the bodies go with the headers that they need, the others with any.
      const own = body?.headers ?? {};
      return printable({
        method,
        target,
        body: body?.bytes ?? null,
        isChunked,
        headers: isOdd ? { ...own, ...headers } : { ...headers, ...own },
      });
    });
  const preflights = fc
    .tuple(drafts, preflightHeaders)
    .map(([{ target }, headers]) =>
      printable({ method: 'OPTIONS', target, headers, body: null, isChunked: false }),
    );
  return fc.oneof({ weight: 29, arbitrary: made }, preflights);
}

/** Static assets and unknown paths. */
function otherRequests(assets: string[], material: Material): fc.Arbitrary<Draft> {
  const path = fc
    .array(escaped(hostileTexts), { maxLength: 3 })
    .map((parts) => `/${parts.join('/')}`);
  const near = fc.constantFrom(
    '/predict/',
    '//predict',
    '/PREDICT',
    '/./predict',
    '/x/../predict',
    '/%70redict',
    '/images',
    '/images/',
    '/models/',
    '/models/x/y/z',
    '/v1',
    '/v10',
    '/v3/models',
    '/healthz?',
    '/?index=0',
    '/cdn-cgi/x',
    '/favicon.ico',
    '/.git/config',
    '/chunks/',
  );
  return fc.record({
    method: fc.oneof(fc.constantFrom('GET', 'HEAD'), fc.constantFrom(...methods)),
    target: fc.oneof(fc.constantFrom(...assets), near, path),
    body: mostly(fc.constant(null), anyBody(fileBodies(material))),
  });
}
