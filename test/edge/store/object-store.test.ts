import { env } from 'cloudflare:workers';
import { AwsClient } from 'aws4fetch';
import { describe, expect, inject, it } from 'vitest';
import { StoreError } from '../../../edge/errors.ts';
import type { ObjectStore } from '../../../edge/store/object-store.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { type S3Location, s3ObjectStore } from '../../../edge/store/s3-object-store.ts';

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

    it('lists what lies directly under a prefix, folders with a slash, in order', async () => {
      const prefix = `${newKey()}/`;
      for (const name of ['b/1', 'b/2', 'a.json', 'c&d +/1', 'c&d e.json', 'B.json', 'ü/1']) {
        await put(prefix + name, 'content');
      }
      const names = ['B.json', 'a.json', 'b/', 'c&d +/', 'c&d e.json', 'ü/'];
      expect(await store.list(prefix)).toEqual(names);
      expect(await store.list(`${prefix}c`)).toEqual(['c&d +/', 'c&d e.json']);
      expect(await store.list(`${prefix}nothing/`)).toEqual([]);
    });

    it('puts an object only where there is none', async () => {
      const key = newKey();
      const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      expect(await store.putIfAbsent(key, bytesOf('one'), 'text/plain')).toBe(true);
      expect(await store.putIfAbsent(key, bytesOf('two'), 'text/plain')).toBe(false);
      const object = await store.get(key);
      expect(object && read(object.bytes)).toBe('one');
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

for (const { name, location, checksCredentials } of inject('s3Servers')) {
  contract(`S3 (${name})`, () => ({
    store: s3ObjectStore(location),
    put: (key, content) => putObject(location, key, content),
  }));

  describe(`S3 (${name})`, () => {
    it('takes keys that a URL has to escape', async () => {
      const key = `contract/a b+c&d=ü%/${crypto.randomUUID()}`;
      await putObject(location, key, 'content');
      expect(await s3ObjectStore(location).get(key)).not.toBeNull();
    });

    it('tells a missing bucket from a missing object', async () => {
      const store = s3ObjectStore({ ...location, bucket: 'nobody-made-this' });
      await expect(store.get('key')).rejects.toThrow(/NoSuchBucket|404/);
      await expect(store.list('folder/')).rejects.toThrow(StoreError);
    });

    it.runIf(checksCredentials)(
      'says what is wrong, and neither key nor secret, where the credentials are',
      async () => {
        const secretAccessKey = 'a-secret-that-opens-nothing';
        const store = s3ObjectStore({ ...location, secretAccessKey });
        const error = await store.get('key').catch((reason) => reason);
        expect(error).toBeInstanceOf(StoreError);
        expect(error.message).toMatch(/^S3 failed to get key: 403/);
        expect(`${error.message}${error.stack}`).not.toContain(secretAccessKey);
        expect(`${error.message}${error.stack}`).not.toContain(location.accessKeyId);
      },
    );
  });
}

describe('S3 that can not be reached', () => {
  it('is a StoreError', async () => {
    const [server] = inject('s3Servers');
    const location = { ...(server?.location as S3Location), endpoint: 'http://127.0.0.1:1' };
    await expect(s3ObjectStore(location).get('key')).rejects.toThrow(StoreError);
  });
});

/** By the same signatures that reading needs, but not by the store, which only reads. */
async function putObject(location: S3Location, key: string, content: string): Promise<void> {
  const { endpoint, bucket, accessKeyId, secretAccessKey, region } = location;
  const client = new AwsClient({ accessKeyId, secretAccessKey, region, service: 's3' });
  const path = key.split('/').map(encodeURIComponent).join('/');
  const response = await client.fetch(`${endpoint}/${bucket}/${path}`, {
    method: 'PUT',
    body: content,
  });
  expect(response.status, await response.text()).toBe(200);
}
