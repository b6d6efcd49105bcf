import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../../../shared/registry/object-store.ts';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';
import { testObjectStore } from '../../support/object-store-contract.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';

const text = { contentType: 'text/plain' };
const bytesOf = (content: string) => new TextEncoder().encode(content);

testObjectStore('S3 for publishers', () => {
  const store = openLocalBucket();
  return { store, put: (key, content) => store.put(key, bytesOf(content), text) };
});

describe('a bucket', () => {
  test('has a layout under its prefix', () => {
    const bucket = openLocalBucket();
    const [, prefix] = bucket.url.split('s3://catwalk/');
    expect(bucket.layout.alias('m', 'production')).toBe(
      `${prefix}/models/m/aliases/production.json`,
    );
  });

  test('lists every key, over more than one page', async () => {
    const bucket = openLocalBucket({ listPageSize: 3 });
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((letter) => `pages/${letter}`);
    await Promise.all(keys.map((key) => bucket.put(key, new Uint8Array(1), text)));
    const listed = await bucket.listAll('pages/');
    expect(listed.map(({ key }) => key)).toEqual(keys);
    for (const { modifiedAt } of listed) {
      expect(Math.abs(Date.now() - modifiedAt.getTime())).toBeLessThan(600_000);
    }
    expect(await bucket.listAll('nothing/')).toEqual([]);
    expect(await bucket.list('pages/')).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  test('replaces an object only if it has the expected ETag', async () => {
    const bucket = openLocalBucket();
    await bucket.put('c', bytesOf('1'), text);
    const ifMatch = (await bucket.get('c'))?.etag;
    expect(await bucket.put('c', bytesOf('2'), { ...text, ifMatch })).toBe(true);
    expect(await bucket.put('c', bytesOf('3'), { ...text, ifMatch })).toBe(false);
    expect(new TextDecoder().decode((await bucket.get('c'))?.bytes)).toBe('2');
    await bucket.delete('c');
    expect(await bucket.put('c', bytesOf('4'), { ...text, ifMatch })).toBe(false);
  });

  test('deletes objects, also absent ones', async () => {
    const bucket = openLocalBucket();
    await bucket.put('d', bytesOf('1'), text);
    await bucket.delete('d');
    expect(await bucket.get('d')).toBeNull();
    await bucket.delete('d');
  });
});

describe('an error says what is wrong and what to do:', () => {
  const open = (url: string, changes: NodeJS.ProcessEnv = {}) =>
    openBucket({ url, environment: { ...bucketEnvironment, ...changes } });

  test('no such bucket', async () => {
    const bucket = open('s3://another');
    for (const ask of requestsOf(bucket)) {
      const error = await failureOf(ask());
      expect(error).toBeInstanceOf(StoreError);
      expect(error.message).toMatch(/bucket another at http:.*no such bucket/);
    }
  });

  test('a wrong secret, which no message contains', async () => {
    const bucket = open('s3://catwalk', { AWS_SECRET_ACCESS_KEY: 'not-the-secret' });
    for (const ask of requestsOf(bucket)) {
      const error = await failureOf(ask());
      expect(error.message).toMatch(
        /permission denied \(HTTP 403 \w+: .*\)\. Check .*AWS_SECRET_ACCESS_KEY/,
      );
      expect(error.message).not.toContain('not-the-secret');
    }
  });

  test('an endpoint at which nothing listens', async () => {
    const AWS_ENDPOINT_URL_S3 = await closedEndpoint();
    const error = await failureOf(open('s3://catwalk', { AWS_ENDPOINT_URL_S3 }).get('a'));
    expect(error.message).toContain('no answer');
    expect(error.message).toContain(AWS_ENDPOINT_URL_S3);
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('the endpoint does not speak S3', async () => {
    const AWS_ENDPOINT_URL_S3 = new URL(bucketEnvironment.AWS_ENDPOINT_URL ?? '').origin;
    const error = await failureOf(open('s3://catwalk', { AWS_ENDPOINT_URL_S3 }).get(''));
    expect(error).toBeInstanceOf(StoreError);
    expect(error.message).toContain('does not speak S3');
  });

  test.each(['catwalk', 'https://catwalk', 's3://', 's3://A_B'])('%s is not a bucket', (url) => {
    expect(() => openBucket({ url, environment: {} })).toThrow(RangeError);
  });

  test('an endpoint that is not a URL', () => {
    const environment = { AWS_ENDPOINT_URL: 'localhost:9000' };
    expect(() => openBucket({ url: 's3://catwalk', environment })).toThrow(/localhost:9000/);
  });
});

const requestsOf = (bucket: Bucket) => [
  () => bucket.get('a'),
  () => bucket.list(''),
  () => bucket.put('a', bytesOf('a'), text),
];

async function failureOf(asking: Promise<unknown>): Promise<Error> {
  return asking.then(
    () => expect.fail('it should have failed'),
    (error: Error) => error,
  );
}

async function closedEndpoint(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
