import { StoreError } from '../errors.ts';
import { mostListed, type ObjectStore, type StoredObject } from './object-store.ts';

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
    get: (key) =>
      attempt('get', key, async () => {
        const object = await bucket.get(key);
        return object && (await read(object));
      }),

    getIfChanged: (key, etag) =>
      attempt('get', key, async () => {
        const object = await bucket.get(key, { onlyIf: { etagDoesNotMatch: etag } });
        if (object === null) return null;
        // A condition that fails gives the object without its body.
        return 'body' in object ? await read(object) : 'unchanged';
      }),

    getRange: (key, offset, length) =>
      attempt('get a range of', key, async () => {
        const object = await bucket.get(key, { range: { offset, length } });
        return object && (await read(object));
      }),

    list: (prefix) =>
      attempt('list', prefix, async () => {
        const names: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await bucket.list({
            prefix,
            delimiter: '/',
            ...(cursor === undefined ? {} : { cursor }),
          });
          names.push(...page.objects.map(({ key }) => key), ...page.delimitedPrefixes);
          cursor = page.truncated ? page.cursor : undefined;
        } while (cursor !== undefined && names.length < mostListed);
        const start = prefix.lastIndexOf('/') + 1;
        return names.sort().map((key) => key.slice(start));
      }),

    putIfAbsent: (key, bytes, contentType) =>
      attempt('put', key, async () => {
        const httpMetadata = { contentType };
        const onlyIf = new Headers({ 'if-none-match': '*' });
        return (await bucket.put(key, bytes, { onlyIf, httpMetadata })) !== null;
      }),
  };
}

async function read(object: R2ObjectBody): Promise<StoredObject> {
  return { bytes: new Uint8Array(await object.arrayBuffer()), etag: object.etag };
}
