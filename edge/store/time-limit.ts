import { type ObjectStore, StoreError } from '../../shared/registry/object-store.ts';

/** A request of a store that takes longer has hung. The largest object is a model's weights. */
export const maxStoreMilliseconds = 10_000;

/**
 * A store whose requests fail if they take too long, whatever the store does.
 *
 * @param maxMilliseconds for each request, with its retries
 */
export function withTimeLimit(store: ObjectStore, maxMilliseconds: number): ObjectStore {
  async function limit<Result>(
    operation: string,
    key: string,
    request: Promise<Result>,
  ): Promise<Result> {
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const cause = new Error(`no answer within ${maxMilliseconds / 1000} s`);
      reject(new StoreError('The bucket', operation, key, cause));
    }, maxMilliseconds);
    try {
      return await Promise.race([request, expired]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    get: (key, options) => limit('get', key, store.get(key, options)),
    getIfChanged: (key, etag) => limit('get', key, store.getIfChanged(key, etag)),
    getRange: (key, offset, length) =>
      limit('get a range of', key, store.getRange(key, offset, length)),
    list: (prefix) => limit('list', prefix, store.list(prefix)),
    putIfAbsent: (key, bytes, options) => limit('put', key, store.putIfAbsent(key, bytes, options)),
  };
}
