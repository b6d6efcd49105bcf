import { type ObjectStore, StoreError } from '../../shared/registry/object-store.ts';

/** A request of a store that takes longer has hung. The largest object is a model's weights. */
export const maxStoreMilliseconds = 10_000;
/** The same for aliases and other small objects. An isolate notices the end of an outage only when a read that hangs is given up. */
const maxSmallMilliseconds = 4000;

/**
 * A store whose requests fail if they take too long, whatever the store does.
 *
 * @param maxMilliseconds for each request, with its retries; 4 s are enough for an object of which the reader does not limit the size
 */
export function withTimeLimit(store: ObjectStore, maxMilliseconds: number): ObjectStore {
  const small = Math.min(maxMilliseconds, maxSmallMilliseconds);

  async function limit<Result>(
    operation: string,
    key: string,
    request: Promise<Result>,
    milliseconds = maxMilliseconds,
  ): Promise<Result> {
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const cause = new Error(`no answer within ${milliseconds / 1000} s`);
      reject(new StoreError('The bucket', operation, key, cause));
    }, milliseconds);
    try {
      return await Promise.race([request, expired]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    get: (key, options) =>
      limit('get', key, store.get(key, options), options?.maxBytes ? maxMilliseconds : small),
    getIfChanged: (key, etag) => limit('get', key, store.getIfChanged(key, etag), small),
    getRange: (key, offset, length) =>
      limit('get a range of', key, store.getRange(key, offset, length)),
    list: (prefix) => limit('list', prefix, store.list(prefix)),
    putIfAbsent: (key, bytes, options) => limit('put', key, store.putIfAbsent(key, bytes, options)),
  };
}
