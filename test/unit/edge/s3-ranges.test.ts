/** Range reads through a proxy that answers with other bytes, as a cache in front of a bucket may. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { s3ObjectStore } from '../../../edge/store/s3-object-store.ts';
import { StoreError } from '../../../shared/registry/object-store.ts';
import { bucketEnvironment } from '../../support/s3/local-bucket.ts';

let proxy: Server | undefined;
afterEach(() => proxy?.close());

interface Change {
  /** Changes the headers of the request. */
  asked?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
  /** Changes the headers of the answer. */
  answered?: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
}

const same = (headers: IncomingHttpHeaders) => headers;

/** Opens the local bucket behind a proxy that changes range reads. */
async function openBehind({ asked = same, answered = same }: Change) {
  const target = new URL(bucketEnvironment.AWS_ENDPOINT_URL as string);
  proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const { hostname, port } = target;
    const isRange = headers.range !== undefined;
    const options = { hostname, port, method, path, headers: isRange ? asked(headers) : headers };
    incoming.pipe(
      request(options, (answer) => {
        const changed = isRange ? answered(answer.headers) : answer.headers;
        outgoing.writeHead(isRange ? 206 : (answer.statusCode ?? 500), changed);
        answer.pipe(outgoing);
      }),
    );
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const store = s3ObjectStore({
    bucket: 'catwalk',
    endpoint: `http://127.0.0.1:${port}${target.pathname}`,
    region: 'auto',
    accessKeyId: bucketEnvironment.AWS_ACCESS_KEY_ID as string,
    secretAccessKey: bucketEnvironment.AWS_SECRET_ACCESS_KEY as string,
  });
  const key = `ranges/${randomUUID()}`;
  await store.putIfAbsent(key, Buffer.from('0123456789'), { contentType: 'text/plain' });
  return { store, key };
}

it('returns the range that was asked for', async () => {
  const { store, key } = await openBehind({});
  expect(Buffer.from((await store.getRange(key, 3, 4))?.bytes ?? []).toString()).toBe('3456');
  expect(Buffer.from((await store.getRange(key, 8, 4))?.bytes ?? []).toString()).toBe('89');
});

const without = (name: string) => (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name));

it.each<[string, Change, RegExp]>([
  ['another range', { asked: (headers) => ({ ...headers, range: 'bytes=0-3' }) }, /from 3 on/],
  ['a shorter range', { asked: (headers) => ({ ...headers, range: 'bytes=3-4' }) }, /has 2 bytes/],
  ['a longer range', { asked: (headers) => ({ ...headers, range: 'bytes=3-9' }) }, /has 7 bytes/],
  ['the whole object', { asked: without('range') }, /has 10 bytes/],
  ['no Content-Range', { answered: without('content-range') }, /Content-Range \(none\)/],
  ['no ETag', { answered: without('etag') }, /without an ETag/],
])('refuses an answer with %s', async (_, change, reason) => {
  const { store, key } = await openBehind(change);
  const error = await store.getRange(key, 3, 4).catch((cause) => cause);
  expect(error).toBeInstanceOf(StoreError);
  expect(error.message).toMatch(reason);
});
