import { env } from 'cloudflare:workers';
import { AwsClient } from 'aws4fetch';
import { describe, expect, inject, it } from 'vitest';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import type { S3Location } from '../../../edge/store/s3-location.ts';
import { s3ObjectStore } from '../../../edge/store/s3-object-store.ts';
import {
  type ObjectStore,
  ObjectTooLargeError,
  StoreError,
} from '../../../shared/registry/object-store.ts';
import { openBucket } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { testObjectStore } from '../../support/object-store-contract.ts';

testObjectStore('R2', () => ({
  store: r2ObjectStore(env.BUCKET),
  put: (key, content) => env.BUCKET.put(key, content),
}));

it('R2 refuses an object that is larger than the limit', async () => {
  const key = `contract/${crypto.randomUUID()}`;
  await env.BUCKET.put(key, 'content');
  await expectLimits(r2ObjectStore(env.BUCKET), key);
});

for (const { name, location, checksCredentials } of inject('s3Servers')) {
  testObjectStore(`S3 (${name})`, () => ({
    store: s3ObjectStore(location),
    put: (key, content) => putObject(location, key, content),
  }));

  describe(`S3 (${name})`, () => {
    it('refuses an object that is larger than the limit', async () => {
      const key = `contract/${crypto.randomUUID()}`;
      await putObject(location, key, 'content');
      await expectLimits(s3ObjectStore(location), key);
    });

    it('accepts keys that need escaping in a URL', async () => {
      const key = `contract/a b+c&d=ü%/${crypto.randomUUID()}`;
      await putObject(location, key, 'content');
      expect(await s3ObjectStore(location).get(key)).not.toBeNull();
    });

    it('distinguishes a missing bucket from a missing object', async () => {
      const store = s3ObjectStore({ ...location, bucket: 'nobody-made-this' });
      await expect(store.get('key')).rejects.toThrow(/no such bucket .*NoSuchBucket/);
      await expect(store.list('folder/')).rejects.toThrow(StoreError);
    });

    it.runIf(checksCredentials)(
      'reports wrong credentials without the key or the secret',
      async () => {
        const secretAccessKey = 'a-secret-that-opens-nothing';
        const store = s3ObjectStore({ ...location, secretAccessKey });
        const error = await store.get('key').catch((reason) => reason);
        expect(error).toBeInstanceOf(StoreError);
        expect(error.message).toMatch(
          /^S3 failed to get key: permission denied \(HTTP 403 \w+: .*AWS_SECRET_ACCESS_KEY/,
        );
        expect(`${error.message}${error.stack}`).not.toContain(secretAccessKey);
        expect(`${error.message}${error.stack}`).not.toContain(location.accessKeyId);
      },
    );
  });
}

describe('an S3 server that can not be used', () => {
  const bytes = new TextEncoder().encode('content');
  const text = { contentType: 'text/plain' };

  it.each(inject('failingStores').all)('$name', async ({ location, says }) => {
    const store = s3ObjectStore(location);
    for (const ask of [
      () => store.get('a'),
      () => store.getIfChanged('a', 'b'),
      () => store.getRange('a', 0, 1),
      () => store.list('a/'),
      () => store.putIfAbsent('a', bytes, text),
    ]) {
      const error = await ask().catch((reason) => reason);
      expect(error).toBeInstanceOf(StoreError);
      expect(error.message).toMatch(new RegExp(says));
    }
    const ready = await openApp(openBucket(), { store }).json('/readyz');
    expect(ready).toMatchObject({ status: 503, code: 'store_failed' });
    expect(ready.detail).toMatch(new RegExp(says));
  });

  it('breaks off a listing', async () => {
    const store = s3ObjectStore(inject('failingStores').truncating);
    await expect(store.list('a/')).rejects.toThrow(/the answer is truncated/);
  });

  it('has a conflict that lasts', async () => {
    const store = s3ObjectStore(inject('failingStores').conflicting);
    await expect(store.putIfAbsent('a', bytes, text)).rejects.toThrow(
      /keep writing this object \(HTTP 409 ConditionalRequestConflict: The conditional/,
    );
  });
});

describe('an S3 server that can not be reached', () => {
  it('is a StoreError', async () => {
    const [server] = inject('s3Servers');
    const location = { ...(server?.location as S3Location), endpoint: 'http://127.0.0.1:1' };
    await expect(s3ObjectStore(location).get('key')).rejects.toThrow(StoreError);
  });
});

/** @param key an object with 7 bytes */
async function expectLimits(store: ObjectStore, key: string): Promise<void> {
  for (const maxBytes of [6, async () => 6]) {
    const error = await store.get(key, { maxBytes }).catch((reason) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(error.cause).toBeInstanceOf(ObjectTooLargeError);
    expect(error.message).toMatch(/7 bytes; the maximum is 6/);
  }
  const refuse = () => Promise.reject(new Error('not signed'));
  await expect(store.get(key, { maxBytes: refuse })).rejects.toThrow('not signed');
  expect((await store.get(key, { maxBytes: async () => 7 }))?.bytes).toHaveLength(7);
}

/** Writes an object without the store. */
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
