import {
  defaultMaxBytes,
  type ObjectStore,
  ObjectTooLargeError,
  type StoredObject,
  StoreError,
} from '../../shared/registry/object-store.ts';

/** The folder of the static assets that has the keys of a bucket. */
const snapshotFolder = 'snapshot';

/**
 * The snapshot that a deployment carries: a bucket of a few objects, as static assets
 * (https://developers.cloudflare.com/workers/static-assets/binding/).
 */
export function assetsObjectStore(assets: Pick<Fetcher, 'fetch'>): ObjectStore {
  async function read(key: string, maxBytes: number): Promise<StoredObject | null> {
    try {
      const response = await assets.fetch(`https://assets.local/${snapshotFolder}/${key}`);
      if (response.status !== 200) {
        await response.body?.cancel();
        if (response.status === 404) return null;
        throw new Error(`the answer is ${response.status}`);
      }
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (bytes.byteLength > maxBytes) throw new ObjectTooLargeError(bytes.byteLength, maxBytes);
      return { bytes, etag: response.headers.get('etag') ?? key };
    } catch (cause) {
      throw new StoreError('The snapshot', 'get', key, cause);
    }
  }

  return {
    async get(key, { maxBytes = defaultMaxBytes } = {}) {
      return read(key, typeof maxBytes === 'number' ? maxBytes : await maxBytes());
    },
    // Assets never change: another deployment has other isolates.
    getIfChanged: async () => 'unchanged',
    async getRange(key, offset, length) {
      const object = await read(key, Number.POSITIVE_INFINITY);
      return object && { ...object, bytes: object.bytes.slice(offset, offset + length) };
    },
    list: async () => [],
    putIfAbsent: (key) =>
      Promise.reject(new StoreError('The snapshot', 'put', key, new Error('it is read-only'))),
  };
}
