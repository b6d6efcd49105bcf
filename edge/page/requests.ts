import type { IndexedPrediction, Prediction, ServedModel } from '../../shared/model/prediction.ts';
import type { ProblemBody } from '../errors.ts';
import type { Picture } from './pictures.ts';

/** An error to show to the visitor. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
  readonly code: string;
  readonly title: string;
  /** Whether the same request may succeed later. */
  readonly isTemporary: boolean;

  constructor(code: string, title: string, detail: string, isTemporary = false) {
    super(detail);
    this.code = code;
    this.title = title;
    this.isTemporary = isTemporary;
  }
}

/** Converts any error to one that can be shown. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof Trouble) return error;
  console.warn(error);
  return new Trouble('page_failed', 'This page failed', String((error as Error)?.message ?? error));
}

let token = '';

/** Sets the token of all later requests. It is not stored, so it is lost when the page is left. */
export function setToken(text: string): void {
  token = text.trim();
}

/** The model that the page's address names, or `null` for the Worker's own. */
const pageModel = () => new URLSearchParams(location.search).get('model');

/**
 * Adds the model on screen to a path of the Worker.
 *
 * @param model (default: the one that the page's address names)
 */
export function withModel(path: string, model = pageModel()): string {
  if (model === null) return path;
  return `${path}${path.includes('?') ? '&' : '?'}model=${encodeURIComponent(model)}`;
}

/** A path about the Worker's own model, whatever is on screen. */
export const ownPath = (path: string) => ({ own: path });

export interface Received<Value> {
  value: Value;
  response: Response;
  /** From the request to the complete answer. */
  milliseconds: number;
}

/**
 * Requests JSON from the Worker.
 *
 * @param path relative to the page, which may be served under any path. It gets the model on screen
 * @throws {Trouble} for every failure
 * @throws {DOMException} if the request is aborted
 */
export async function request<Value>(
  path: string | { own: string },
  init: RequestInit = {},
): Promise<Received<Value>> {
  const start = performance.now();
  const headers = new Headers(init.headers);
  if (token !== '') headers.set('authorization', `Bearer ${token}`);
  let response: Response;
  let text: string;
  try {
    const url = typeof path === 'string' ? withModel(path) : path.own;
    response = await fetch(url, { ...init, headers });
    text = await response.text();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw navigator.onLine
      ? new Trouble('unreachable', 'The Worker does not answer', 'The connection failed.', true)
      : new Trouble('offline', 'You are offline', 'There is no network.', true);
  }
  const milliseconds = performance.now() - start;
  if (response.status === 304) return { value: undefined as Value, response, milliseconds };
  const { status, statusText } = response;
  try {
    const value = JSON.parse(text);
    if (response.ok) return { value, response, milliseconds };
    const { code, title, detail } = value as ProblemBody;
    if (typeof code === 'string') throw new Trouble(code, title, detail, status >= 500);
  } catch (error) {
    if (error instanceof Trouble) throw error;
  }
  // A proxy answered instead of the Worker.
  throw new Trouble('unreachable', `The answer was ${status} ${statusText}`, '', status >= 500);
}

export type Answer = Prediction &
  Partial<Pick<IndexedPrediction, 'index' | 'actual' | 'correct'>> & { model: ServedModel };

/**
 * Has the Worker predict a picture.
 *
 * @param choice `version=…` or `alias=…` (default: the default alias)
 * @throws {Trouble | DOMException}
 */
export function predict(
  picture: Picture,
  signal: AbortSignal,
  choice = '',
): Promise<Received<Answer>> {
  const query = (own: string) => `predict?${[own, choice].filter(Boolean).join('&')}`;
  if (picture.kind === 'test') {
    return request(query(picture.index === null ? '' : `index=${picture.index}`), { signal });
  }
  return request(query('echo=true'), {
    method: 'POST',
    headers: { 'content-type': picture.blob.type || 'application/octet-stream' },
    body: picture.blob,
    signal,
  });
}
