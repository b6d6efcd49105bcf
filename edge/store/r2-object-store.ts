import {
  checkRange,
  defaultMaxBytes,
  type GetOptions,
  maxListed,
  namesUnder,
  type ObjectStore,
  ObjectTooLargeError,
  type StoredObject,
  StoreError,
} from '../../shared/registry/object-store.ts';

/** @param bucket an R2 binding (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/) */
export function r2ObjectStore(bucket: R2Bucket): ObjectStore {
  async function attempt<Result>(operation: string, key: string, run: () => Promise<Result>) {
    try {
      return await run();
    } catch (cause) {
      throw new StoreError('R2', operation, key, cause);
    }
  }

  return {
    get: (key, options) =>
      attempt('get', key, async () => {
        const object = await bucket.get(key);
        return object && (await read(object, options));
      }),

    getIfChanged: (key, etag) =>
      attempt('get', key, async () => {
        const object = await bucket.get(key, { onlyIf: { etagDoesNotMatch: etag } });
        if (object === null) return null;
        // If the condition fails, R2 returns the object without its body.
        return 'body' in object ? await read(object) : 'unchanged';
      }),

    getRange: (key, offset, length) =>
      attempt('get a range of', key, async () => {
        const object = await bucket.get(key, { range: { offset, length } });
        if (object === null) return null;
        const part = { bytes: new Uint8Array(await object.arrayBuffer()), etag: object.etag };
        checkRange({ offset, length }, contentRangeOf(object), part);
        return part;
      }),

    list: (prefix) =>
      attempt('list', prefix, async () => {
        const keys: string[] = [];
        let cursor: string | undefined;
        do {
          const options: R2ListOptions = { prefix, delimiter: '/' };
          const page = await bucket.list(cursor === undefined ? options : { ...options, cursor });
          keys.push(...page.objects.map(({ key }) => key), ...page.delimitedPrefixes);
          cursor = page.truncated ? page.cursor : undefined;
        } while (cursor !== undefined && keys.length < maxListed);
        return namesUnder(prefix, keys);
      }),

    putIfAbsent: (key, bytes, { contentType, cacheControl }) =>
      attempt('put', key, async () => {
        const httpMetadata = cacheControl ? { contentType, cacheControl } : { contentType };
        const onlyIf = new Headers({ 'if-none-match': '*' });
        return (await bucket.put(key, bytes, { onlyIf, httpMetadata })) !== null;
      }),
  };
}

function contentRangeOf({ range, size }: R2ObjectBody): string {
  const { offset = 0, length = size - offset } = range as { offset?: number; length?: number };
  return `bytes ${offset}-${offset + length - 1}/${size}`;
}

async function read(
  object: R2ObjectBody,
  { maxBytes = defaultMaxBytes }: GetOptions = {},
): Promise<StoredObject> {
  try {
    const limit = typeof maxBytes === 'number' ? maxBytes : await maxBytes();
    if (object.size > limit) throw new ObjectTooLargeError(object.size, limit);
  } catch (error) {
    // The body is a stream, of which the runtime has read at most a first part.
    await object.body.cancel();
    throw error;
  }
  return { bytes: new Uint8Array(await object.arrayBuffer()), etag: object.etag };
}
