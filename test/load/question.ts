import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import type { RouteRequest } from '../fuzz/requests/route-request.ts';
import type { SentAnswer } from '../fuzz/send-request.ts';

/** What an answer says: which version said what of which test images. */
export interface Said {
  version: string;
  predictions: { image: number; probabilities: number[] }[];
}

/** A request, and how its answer is read. */
export interface Question {
  /** Under which it is counted. */
  route: string;
  request: RouteRequest;
  /** The version that must answer; `null` for the one that `production` names. */
  pinned: string | null;
  /**
   * @returns what the answer says of the model, `null` where it says nothing of one
   * @throws {Error} where it is not what the route answers
   */
  read(answer: SentAnswer): Said | null;
}

/** Statuses that are good answers; 304 is one to a question that has an ETag. */
export const goodStatuses = [200, 304];

/** What questions are made of. */
export interface Stuff {
  versions: string[];
  /** The version that the alias `candidate` stays at. */
  candidate: string;
  /** How many test images there are. */
  images: number;
  /** Grey pixels of a test image. */
  pixelsOf: (image: number) => Uint8Array;
  /** The same as PNG files. */
  pngs: Buffer[];
  /** @returns a whole number from 0 to below `most` */
  choose: (most: number) => number;
}

export const { name: modelName } = fashionMnistCnn;

/** @returns a query that asks for a version, for an alias or for neither, and which version that leads to */
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

/** How answers say which version they are of. */
export interface Named {
  model: { version: string };
}
/** How they say what it gives an image. */
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
