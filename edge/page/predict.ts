import type { IndexedPrediction, Prediction, ServedModel } from '../../shared/model/prediction.ts';
import type { Picture } from './pictures.ts';
import { type Asked, ask } from './trouble.ts';

export type Answer = Prediction &
  Partial<Pick<IndexedPrediction, 'index' | 'actual' | 'correct'>> & { model: ServedModel };

/**
 * Asks the Worker what a picture is.
 *
 * @param choice `version=…` or `alias=…`; the alias that is served unless told
 * @throws {Trouble}
 */
export function predict(
  picture: Picture,
  signal: AbortSignal,
  choice = '',
): Promise<Asked<Answer>> {
  if (picture.kind === 'test') {
    const index = picture.index === null ? '' : `index=${picture.index}`;
    return ask(`predict?${query(index, choice)}`, { signal });
  }
  return ask(`predict?${query('echo=true', choice)}`, {
    method: 'POST',
    headers: { 'content-type': picture.blob.type || 'application/octet-stream' },
    body: picture.blob,
    signal,
  });
}

const query = (...parts: string[]) => parts.filter(Boolean).join('&');

let kept = '';

/** Keeps what every later request to the Worker is sent with, until the page is left: no script finds it in a storage. */
export function keepToken(token: string): void {
  kept = token.trim();
}

/** @returns the headers with the token, where there is one */
export function withToken(given?: HeadersInit): Headers {
  const headers = new Headers(given);
  if (kept !== '') headers.set('authorization', `Bearer ${kept}`);
  return headers;
}
