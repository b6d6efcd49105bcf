import { describe, expect, it } from 'vitest';
import { type ObjectStore, StoreError } from '../../shared/registry/object-store.ts';

export interface StoreUnderTest {
  store: ObjectStore;
  /** Writes an object without the store. */
  put: (key: string, content: string) => Promise<unknown>;
}

/**
 * Declares the tests that every `ObjectStore` passes.
 *
 * @param open called in each test, once servers have started
 */
export function testObjectStore(name: string, open: () => StoreUnderTest): void {
  describe(`${name} as an ObjectStore`, () => {
    const newKey = () => `contract/${crypto.randomUUID()}`;
    const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const text = { contentType: 'text/plain' };

    it('gets a whole object', async () => {
      const { store, put } = open();
      const key = newKey();
      await put(key, 'content');
      const object = await store.get(key);
      expect(object && read(object.bytes)).toBe('content');
      expect(object?.etag).toMatch(/./);
    });

    it('returns null if an object is absent', async () => {
      const { store } = open();
      expect(await store.get(newKey())).toBeNull();
      expect(await store.getIfChanged(newKey(), 'abc')).toBeNull();
      expect(await store.getRange(newKey(), 0, 1)).toBeNull();
    });

    it('gets an object only if its ETag is a different one', async () => {
      const { store, put } = open();
      const key = newKey();
      await put(key, 'one');
      const etag = (await store.get(key))?.etag ?? '';
      expect(await store.getIfChanged(key, etag)).toBe('unchanged');
      await put(key, 'two');
      const changed = await store.getIfChanged(key, etag);
      expect(changed).not.toBe('unchanged');
      expect(changed && changed !== 'unchanged' && read(changed.bytes)).toBe('two');
    });

    it('gets a range, shorter at the end, with the ETag of the whole object', async () => {
      const { store, put } = open();
      const key = newKey();
      await put(key, '0123456789');
      const whole = await store.get(key);
      const range = await store.getRange(key, 3, 4);
      expect(range && read(range.bytes)).toBe('3456');
      expect(range?.etag).toBe(whole?.etag);
      const end = await store.getRange(key, 8, 4);
      expect(end && read(end.bytes)).toBe('89');
    });

    it('lists what is directly under a prefix, folders with a slash, sorted', async () => {
      const { store, put } = open();
      const prefix = `${newKey()}/`;
      for (const name of ['b/1', 'b/2', 'a.json', 'c&d +/1', 'c&d e.json', 'B.json', 'ü/1']) {
        await put(prefix + name, 'content');
      }
      const names = ['B.json', 'a.json', 'b/', 'c&d +/', 'c&d e.json', 'ü/'];
      expect(await store.list(prefix)).toEqual(names);
      expect(await store.list(`${prefix}c`)).toEqual(['c&d +/', 'c&d e.json']);
      expect(await store.list(`${prefix}nothing/`)).toEqual([]);
    });

    it('puts an object only if it is absent', async () => {
      const { store } = open();
      const key = newKey();
      const bytesOf = (content: string) => new TextEncoder().encode(content);
      expect(await store.putIfAbsent(key, bytesOf('one'), text)).toBe(true);
      expect(await store.putIfAbsent(key, bytesOf('two'), text)).toBe(false);
      const object = await store.get(key);
      expect(object && read(object.bytes)).toBe('one');
    });

    it('throws a StoreError with its name, the key and the cause if it can not answer', async () => {
      const { store, put } = open();
      const key = newKey();
      await put(key, 'short');
      const error = await store.getRange(key, 100, 4).catch((reason) => reason);
      expect(error).toBeInstanceOf(StoreError);
      expect(error.message).toMatch(/^(R2|S3)\b.* failed to get a range of /);
      expect(error.message).toContain(key);
      expect(error.cause).toBeInstanceOf(Error);
    });
  });
}
