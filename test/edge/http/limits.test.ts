import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { bodyLimits, openBodyMemory } from '../../../edge/input/body-memory.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import type { ObjectStore } from '../../../shared/registry/object-store.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
beforeAll(async () => {
  await bucket.uploadTestSet();
  await bucket.moveAlias(await bucket.publish('one'));
});

/** A body whose client sends a number of bytes and then waits until `finish`. */
function unfinishedBody(bytes: number) {
  let controller: ReadableByteStreamController;
  const { promise: reading, resolve } = Promise.withResolvers<void>();
  const stream = new ReadableStream({
    type: 'bytes',
    start(given) {
      controller = given;
      controller.enqueue(new Uint8Array(bytes));
    },
    /** Called when the Worker has read all of these bytes and waits for more. */
    pull: () => resolve(),
  });
  return {
    stream,
    reading,
    send: (count: number) => controller.enqueue(new Uint8Array(count)),
    finish: () => controller.close(),
  };
}

const answerOf = async (response: Response | Promise<Response>) => {
  const { status, headers } = await response;
  const { code } = (await (await response).json()) as { code?: string };
  return { status, code, retryAfter: headers.get('retry-after') };
};

const pixels = (app: TestApp) => app.post(testImage(0), 'application/octet-stream');

describe('bodies in flight', () => {
  it('are limited by their bytes, and leave room when they are answered', async () => {
    const maxBytesInFlight = 200_000;
    const app = openApp(bucket, { bodyLimits: { ...bodyLimits, maxBytesInFlight } });
    // 100,000 bytes of unknown length take a buffer of 128 KiB.
    const first = unfinishedBody(100_000);
    const second = unfinishedBody(100);
    const open = [first, second].map(({ stream }) => app.post(stream, 'image/png'));
    await Promise.all([first.reading, second.reading]);
    const refused = await answerOf(pixels(app));
    expect(refused).toEqual({ status: 503, code: 'busy', retryAfter: '2' });
    for (const { finish } of [first, second]) finish();
    for (const answer of open) expect((await answerOf(answer)).status).toBe(415);
    expect((await pixels(app)).status).toBe(200);
  });

  it('count twice if they are text, which is copied and parsed into as much again', async () => {
    const app = openApp(bucket, { bodyLimits: { ...bodyLimits, maxBytesInFlight: 100_000 } });
    const send = (body: BodyInit) => answerOf(app.post(body, 'application/json'));
    expect(await send(JSON.stringify('x'.repeat(60_000)))).toMatchObject({ code: 'busy' });
    expect(await send('x'.repeat(60_000))).toMatchObject({ code: 'busy' });
    expect(await send(new Uint8Array(60_000))).toMatchObject({ code: 'bad_json' });
  });

  it.each([
    ['that stalls', { ...bodyLimits, maxStallMilliseconds: 40 }, 'stalled'],
    ['that takes too long', { ...bodyLimits, maxMilliseconds: 40 }, 'within 0.04 s'],
  ])('are refused: one %s', async (_, limits, detail) => {
    const app = openApp(bucket, { bodyLimits: { ...limits, maxBytesInFlight: 70_000 } });
    const response = await app.post(unfinishedBody(10).stream, 'image/png');
    expect(response.status).toBe(408);
    expect(await response.json()).toMatchObject({
      code: 'body_timeout',
      detail: expect.stringContaining(detail),
    });
    expect((await pixels(app)).status).toBe(200);
  });

  it('are not refused because the isolate is busy while they are sent', async () => {
    const limits = { ...bodyLimits, maxStallMilliseconds: 400, maxMilliseconds: 400 };
    const app = openApp(bucket, { bodyLimits: limits });
    const { stream, reading, send, finish } = unfinishedBody(10);
    const answer = app.post(stream, 'image/png');
    await reading;
    let parts = 0;
    const sendNext = () => {
      if (++parts === 10) return finish();
      send(10);
      setTimeout(sendNext, 1);
    };
    setTimeout(sendNext, 1);
    for (const end = Date.now() + 600; Date.now() < end; );
    expect((await answer).status).toBe(415);
  });

  it('keep their memory as long as they are read, and lose it if their request was stopped', () => {
    let time = 0;
    const open = openBodyMemory({ ...bodyLimits, maxBytesInFlight: 100 }, () => time);
    const read = open();
    read.grow(100);
    time = 80_000;
    read.renew();
    time = 160_000;
    expect(() => open().grow(1)).toThrow('as many request bodies');
    time = 170_000;
    open().grow(100);
  });

  it('are not waited for if the request is refused without them', async () => {
    const app = openApp(bucket, { bodyLimits: { ...bodyLimits, maxStallMilliseconds: 40 } });
    const response = await app.post(unfinishedBody(10).stream, 'image/png', '?echo=1');
    expect(response.status).toBe(400);
  });
});

describe('a store that hangs', () => {
  const hang = () => new Promise<never>(() => {});
  const hanging = { get: hang, getIfChanged: hang, getRange: hang, list: hang, putIfAbsent: hang };

  it.each(['/readyz', '/predict?index=0', '/images/0.png', '/models', '/v1/models/x:predict'])(
    'is an answer in time for %s',
    async (path) => {
      const app = openApp(bucket, { store: hanging, maxStoreMilliseconds: 40 });
      const response = await app.request(path);
      if (path.startsWith('/v1')) expect(response.status).toBe(400);
      else expect(await answerOf(response)).toMatchObject({ status: 503, code: 'store_failed' });
    },
  );

  it('does not stop the answers of a model in memory', async () => {
    const real = r2ObjectStore(env.BUCKET);
    let store: ObjectStore = real;
    const changing = Object.fromEntries(
      Object.keys(hanging).map((name) => [
        name,
        (...args: unknown[]) =>
          (store as unknown as Record<string, CallableFunction>)[name]?.(...args),
      ]),
    ) as unknown as ObjectStore;
    const app = openApp(bucket, { store: changing, maxStoreMilliseconds: 40 });
    expect((await app.request('/predict?index=0')).status).toBe(200);
    store = hanging;
    app.passTime(10_000);
    expect((await app.request('/readyz')).status).toBe(200);
    expect((await app.request('/predict?index=0')).status).toBe(200);
    expect(await app.json('/readyz')).toMatchObject({ failure: { code: 'store_failed' } });
  });
});
