import { ImageError } from '../shared/image/image-error.ts';
import { DatasetError } from './dataset/dataset-error.ts';
import { ModelError } from './model/model-error.ts';
import { Problem } from './problem.ts';
import { StoreError } from './store/object-store.ts';

/** Seconds after which a client may ask again for what is not there yet. */
const retry = { 'retry-after': '2' };

/** The one place where an error becomes the problem that is answered. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ImageError) return new Problem(error.code, error.message, { cause: error });
  if (error instanceof ModelError || error instanceof DatasetError) {
    const headers = error.code.endsWith('_not_found') ? {} : retry;
    return new Problem(error.code, error.message, { cause: error, headers });
  }
  if (error instanceof StoreError) {
    return new Problem('store_failed', error.message, { cause: error, headers: retry });
  }
  return new Problem('internal_error', 'An unforeseen error; the Worker has logged it.', {
    cause: error,
  });
}
