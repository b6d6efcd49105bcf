import { assetsObjectStore } from '../../../edge/store/assets-object-store.ts';
import { type ObjectStore, StoreError } from '../../../shared/registry/object-store.ts';
import type { TestBucket } from './bucket.ts';

/** A bucket's objects as the static assets of a deployment. */
export const snapshotOf = ({ bucket, prefix }: TestBucket): ObjectStore =>
  assetsObjectStore({
    async fetch(url) {
      const key = new URL(String(url)).pathname.replace('/snapshot/', prefix);
      const object = await bucket.get(key);
      return object
        ? new Response(object.body, { headers: { etag: object.httpEtag } })
        : new Response(null, { status: 404 });
    },
  });

/** A store that can be told to fail, or not to answer. */
export function openOutage(store: ObjectStore) {
  let state: 'up' | 'refusing' | 'hanging' = 'up';
  const request = async <Result>(key: string, answer: () => Promise<Result>): Promise<Result> => {
    if (state === 'hanging') return new Promise<Result>(() => {});
    if (state === 'up') return answer();
    throw new StoreError('The bucket', 'get', key, new Error('503'));
  };
  const failing: ObjectStore = {
    get: (key, options) => request(key, () => store.get(key, options)),
    getIfChanged: (key, etag) => request(key, () => store.getIfChanged(key, etag)),
    getRange: (key, offset, length) => request(key, () => store.getRange(key, offset, length)),
    list: (prefix) => request(prefix, () => store.list(prefix)),
    putIfAbsent: (key, bytes, options) =>
      request(key, () => store.putIfAbsent(key, bytes, options)),
  };
  return {
    store: failing,
    become(next: typeof state) {
      state = next;
    },
  };
}
