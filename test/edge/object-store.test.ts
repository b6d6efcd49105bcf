import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { type ObjectStore, StoreError } from '../../edge/store/object-store.ts';
import { r2ObjectStore } from '../../edge/store/r2-object-store.ts';

/** What every ObjectStore does; `put` writes behind its back. */
function contract(
  name: string,
  open: () => { store: ObjectStore; put: (key: string, content: string) => Promise<unknown> },
) {
  describe(`${name} as an ObjectStore`, () => {
    const { store, put } = open();
    const newKey = () => `contract/${crypto.randomUUID()}`;
    const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

    it('gets a whole object', async () => {
      const key = newKey();
      await put(key, 'content');
      const object = await store.get(key);
      expect(object && read(object.bytes)).toBe('content');
      expect(object?.etag).toMatch(/./);
    });

    it('gives null for what is absent', async () => {
      expect(await store.get(newKey())).toBeNull();
      expect(await store.getIfChanged(newKey(), 'abc')).toBeNull();
      expect(await store.getRange(newKey(), 0, 1)).toBeNull();
    });

    it('gets an object only where its ETag is another one', async () => {
      const key = newKey();
      await put(key, 'one');
      const etag = (await store.get(key))?.etag ?? '';
      expect(await store.getIfChanged(key, etag)).toBe('unchanged');
      await put(key, 'two');
      const changed = await store.getIfChanged(key, etag);
      expect(changed).not.toBe('unchanged');
      expect(changed && changed !== 'unchanged' && read(changed.bytes)).toBe('two');
    });

    it('gets a range, shorter at the end, with the ETag of the whole', async () => {
      const key = newKey();
      await put(key, '0123456789');
      const whole = await store.get(key);
      const range = await store.getRange(key, 3, 4);
      expect(range && read(range.bytes)).toBe('3456');
      expect(range?.etag).toBe(whole?.etag);
      const end = await store.getRange(key, 8, 4);
      expect(end && read(end.bytes)).toBe('89');
    });

    it('throws a StoreError with the key where it can not answer', async () => {
      const key = newKey();
      await put(key, 'short');
      const past = store.getRange(key, 100, 4);
      await expect(past).rejects.toThrow(StoreError);
      await expect(past).rejects.toThrow(key);
    });
  });
}

contract('R2', () => ({
  store: r2ObjectStore(env.BUCKET),
  put: (key, content) => env.BUCKET.put(key, content),
}));
