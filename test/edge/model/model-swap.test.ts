import { describe, expect, it } from 'vitest';
import { engine } from '#tensorflow';
import { loadVersion } from '../../../edge/model/load-version.ts';
import { serveModels } from '../../../edge/model/served-models.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { bucketLayout } from '../../../shared/registry/bucket-layout.ts';
import type { ObjectStore } from '../../../shared/registry/object-store.ts';
import { openBucket } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { counting, later, lookAgain, serving, versionOf } from '../../support/edge/serving.ts';

describe('before a model is published', () => {
  it('answers 503 with the next step, and serves as soon as a version exists', async () => {
    const bucket = openBucket();
    const app = openApp(bucket);
    for (const path of ['/predict?index=0', '/predict', '/model', '/readyz']) {
      const response = await app.request(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await response.json()).toMatchObject({
        code: 'no_model',
        detail: expect.stringMatching(/train and publish/i),
      });
    }
    const posted = await app.post(new Uint8Array(784), 'application/octet-stream');
    expect(await posted.json()).toMatchObject({ status: 503, code: 'no_model' });
    expect((await app.request('/healthz')).status).toBe(200);

    const version = await bucket.publish('one');
    await bucket.moveAlias(version);
    expect(await app.json('/readyz')).toMatchObject({ status: 'ready', model: { version } });
    expect(await app.json('/predict?index=0')).toMatchObject({ status: 503, code: 'no_dataset' });
    await bucket.uploadTestSet();
    expect(await versionOf(app)).toBe(version);
  });

  it('loads once for concurrent requests', async () => {
    const { bucket, first } = await serving();
    const gets: string[] = [];
    const app = openApp(bucket, { store: counting(bucket, gets) });
    const versions = await Promise.all([versionOf(app), versionOf(app), versionOf(app)]);
    expect(versions).toEqual([first, first, first]);
    expect(gets.filter((key) => key.endsWith('weights.bin'))).toHaveLength(1);
  });
});

describe('a version that a request names', () => {
  it('is loaded to the end even if the client disconnects, because others may wait for it', async () => {
    const { bucket, first } = await serving();
    const background: Promise<unknown>[] = [];
    const models = serveModels({
      store: r2ObjectStore(bucket.bucket),
      layout: bucketLayout(bucket.prefix),
      name: fashionMnistCnn.name,
      publicKeys: [],
      alias: 'production',
      canary: null,
      maxModelBytes: 64e6,
      pollMilliseconds: 2000,
      now: Date.now,
      random: Math.random,
      openLoader: async () => loadVersion,
      onSwap: () => {},
    });
    // The runtime stops a request whose client has gone, except for what it waits for in the background.
    void models.resolve(
      { choice: { version: first } },
      { waitUntil: (work) => void background.push(work) },
    );
    await Promise.all(background);
    expect(models.versions()).toEqual([first]);
  });
});

describe('when the alias moves', () => {
  it('serves the new version after the poll interval, without a restart', async () => {
    const { bucket, first, app } = await serving();
    const before = await app.json('/predict?index=0');
    const second = await bucket.publish('two', { createdAt: later });
    await bucket.moveAlias(second);
    app.passTime(1999);
    expect(await versionOf(app)).toBe(first);
    app.passTime(1);
    expect(await versionOf(app)).toBe(first); // answered at once; the poll continues in the background
    expect(await versionOf(app)).toBe(second);
    const after = await app.json('/predict?index=0');
    expect(after.probabilities).not.toEqual(before.probabilities);
    expect(await app.json('/model')).toMatchObject({
      alias: { version: second },
      manifest: { version: second },
    });
  });

  it('moves back and forth without leaking old weights', async () => {
    const { bucket, first, app } = await serving();
    const second = await bucket.publish('two', { createdAt: later });
    for (const version of [second, first, second, first]) {
      await bucket.moveAlias(version);
      await lookAgain(app);
      expect(await versionOf(app)).toBe(version);
    }
    const held = engine().state.numBytes;
    expect(held).toBeGreaterThanOrEqual(4 * 688_138);
    for (const version of [second, first, second, first]) {
      await bucket.moveAlias(version);
      await lookAgain(app);
    }
    expect(engine().state.numBytes).toBe(held);
  });

  it('polls the alias by ETag, off the request path, at most once per interval', async () => {
    const { bucket } = await serving();
    const gets: string[] = [];
    const app = openApp(bucket, { store: counting(bucket, gets) });
    await versionOf(app);
    gets.length = 0;
    for (let i = 0; i < 5; i++) await versionOf(app);
    expect(gets).toEqual([]);
    await lookAgain(app);
    await versionOf(app);
    expect(gets.filter((key) => key.includes('/aliases/'))).toEqual([
      expect.stringContaining('production.json if changed'),
    ]);
  });
});

describe('a clock that is set', () => {
  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('%s by an hour does not stop the Worker from following the alias', async (_, milliseconds) => {
    const { bucket, app } = await serving();
    app.passTime(milliseconds);
    await lookAgain(app);
    const second = await bucket.publish('two', { createdAt: later });
    await bucket.moveAlias(second);
    await lookAgain(app);
    expect(await versionOf(app)).toBe(second);
    await bucket.moveAlias('20300101T000000Z-00000000');
    await lookAgain(app);
    const { failure } = await app.json('/readyz');
    const now = Date.parse('2026-11-24T12:00:00Z') + milliseconds + 6000;
    // The Worker's first request was at noon. A failed load is tried again after a second.
    expect(Date.parse(failure.retryAt)).toBe(now + 1000);
  });
});

describe('a store that fails', () => {
  it('keeps the served model, and reports the failure in /readyz', async () => {
    const { bucket, first } = await serving();
    let fails = false;
    const store = r2ObjectStore(bucket.bucket);
    const failing: ObjectStore = {
      ...store,
      getIfChanged: async (key, etag) => {
        if (fails) throw new Error('the line is dead');
        return store.getIfChanged(key, etag);
      },
    };
    const app = openApp(bucket, { store: failing });
    await versionOf(app);
    fails = true;
    await lookAgain(app);
    expect(await versionOf(app)).toBe(first);
    expect((await app.json('/readyz')).failure).toMatchObject({ version: null });
    fails = false;
    await lookAgain(app);
    expect((await app.json('/readyz')).failure).toBeNull();
  });

  it('keeps the served model if the alias is missing or invalid', async () => {
    const { bucket, first, app } = await serving();
    const key = bucket.layout.alias('fashion-mnist-cnn', 'production');
    await bucket.bucket.put(key, 'no JSON');
    await lookAgain(app);
    expect(await versionOf(app)).toBe(first);
    expect((await app.json('/readyz')).failure).toMatchObject({ code: 'bad_model' });
    await bucket.bucket.delete(key);
    await lookAgain(app);
    expect(await versionOf(app)).toBe(first);
    expect((await app.json('/readyz')).failure).toMatchObject({ code: 'no_model' });
  });
});
