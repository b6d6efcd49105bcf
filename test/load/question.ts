import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import type { RouteRequest } from '../fuzz/requests/route-request.ts';
import type { SentAnswer } from '../fuzz/send-request.ts';

/** The content of an answer: which version predicted what for which test images. */
export interface Said {
  version: string;
  predictions: { image: number; probabilities: number[] }[];
}

/** A request, and the reader of its answer. */
export interface Question {
  /** The route under which it is counted. */
  route: string;
  request: RouteRequest;
  /** The version that must answer; `null` for the one that `production` names. */
  pinned: string | null;
  /**
   * @returns the predictions and the version in the answer, `null` if it names no version
   * @throws {Error} if the answer does not have the route's form
   */
  read(answer: SentAnswer): Said | null;
}

/** Statuses of valid answers, including 304 to a request with an ETag. */
export const goodStatuses = [200, 304];

/** The material of the requests. */
export interface Stuff {
  versions: string[];
  /** The version that the alias `candidate` stays at. */
  candidate: string;
  /** The number of test images. */
  images: number;
  /** Grey pixels of a test image. */
  pixelsOf: (image: number) => Uint8Array;
  /** The same as PNG files. */
  pngs: Buffer[];
  /** @returns a whole number from 0 to below `most` */
  choose: (most: number) => number;
}

export const { name: modelName } = fashionMnistCnn;

/** @returns a query that selects a version, an alias or neither, and the version that it selects */
export function pin({ versions, candidate, choose }: Stuff): {
  query: string;
  pinned: string | null;
} {
  const kind = choose(10);
  if (kind === 0) return { query: '?alias=candidate', pinned: candidate };
  if (kind > 2) return { query: '', pinned: null };
  const version = anyOf(versions, choose);
  return { query: `?version=${version}`, pinned: version };
}

export const anyOf = (versions: string[], choose: Stuff['choose']) =>
  versions[choose(versions.length)] as string;

/** How answers name their version. */
export interface Named {
  model: { version: string };
}
/** How answers give probabilities. */
export interface Scored {
  probabilities: { probability: number }[];
}

export const scored = (image: number, probabilities: Scored['probabilities']) => ({
  image,
  probabilities: probabilities.map(({ probability }) => probability),
});

export const json = <Body>({ body }: SentAnswer): Body =>
  JSON.parse(Buffer.from(body).toString()) as Body;

export const get = (target: string, headers: Record<string, string> = {}): RouteRequest => ({
  method: 'GET',
  target,
  headers,
  body: null,
  isChunked: false,
});

export const post = (
  target: string,
  body: Uint8Array,
  headers: Record<string, string>,
): RouteRequest => ({
  method: 'POST',
  target,
  headers,
  body,
  isChunked: false,
});

export const postJson = (target: string, value: unknown) =>
  post(target, Buffer.from(JSON.stringify(value)), { 'content-type': 'application/json' });
