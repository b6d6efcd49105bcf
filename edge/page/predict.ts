import type { IndexedPrediction, Prediction, ServedModel } from '../../shared/prediction.ts';
import type { Picture } from './picture.ts';
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
