import { engine } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../edge/store/object-store.ts';
import { r2ObjectStore } from '../../edge/store/r2-object-store.ts';
import { openBucket, type PublishOptions, type TestBucket } from './bucket.ts';
import { openApp, type TestApp } from './open-app.ts';

/** A Worker that serves a first version, its clock at 0. */
async function serving() {
  const bucket = openBucket();
  await bucket.uploadTestSet();
  const first = await bucket.publish('one');
  await bucket.moveAlias(first);
  const app = openApp(bucket);
  expect(await versionOf(app)).toBe(first);
  return { bucket, first, app };
}

const versionOf = async (app: TestApp) => (await app.json('/predict?index=0')).model?.version;

/** Has the alias looked at: a request after the poll interval starts the look behind its answer. */
async function lookAgain(app: TestApp, milliseconds = 2000) {
  app.passTime(milliseconds);
  await app.request('/readyz');
}

const later = new Date('2026-11-24T10:20:00Z');

describe('before anything is published', () => {
  it('answers 503 that says what to do, and serves as soon as there is a version', async () => {
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

  it('loads once for requests that come together', async () => {
    const { bucket, first } = await serving();
    const gets: string[] = [];
    const app = openApp(bucket, { store: counting(bucket, gets) });
    const versions = await Promise.all([versionOf(app), versionOf(app), versionOf(app)]);
    expect(versions).toEqual([first, first, first]);
    expect(gets.filter((key) => key.endsWith('weights.bin'))).toHaveLength(1);
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
    expect(await versionOf(app)).toBe(first); // answered at once; the look goes on behind it
    expect(await versionOf(app)).toBe(second);
    const after = await app.json('/predict?index=0');
    expect(after.probabilities).not.toEqual(before.probabilities);
    expect(await app.json('/model')).toMatchObject({
      alias: { version: second },
      manifest: { version: second },
    });
  });

  it('goes back and forth without holding on to old weights', async () => {
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

  it('asks for the alias by its ETag, off the request path, at most once an interval', async () => {
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

describe('a bad version', () => {
  const wrong: [string, 'one' | 'two', PublishOptions, string][] = [
    ['corrupt weights', 'two', { damage: { 'weights.bin': flipped() } }, 'SHA-256'],
    ['cut-off weights', 'two', { damage: { 'weights.bin': new ArrayBuffer(9) } }, '9 bytes'],
    ['missing weights', 'two', { damage: { 'weights.bin': null } }, 'lacks its file weights.bin'],
    ['a corrupt topology', 'two', { damage: { 'model.json': text('{}') } }, 'model.json'],
    ['a topology that is no JSON', 'two', { files: { 'model.json': text('{') } }, 'not JSON'],
    ['no topology', 'two', { files: { 'model.json': text('{}') } }, 'modelTopology'],
    ['a manifest that is none', 'two', { manifest: () => ({ a: 1 }) }, 'manifest.json'],
    ['no manifest', 'two', { withoutManifest: true }, 'no manifest.json'],
    [
      "another's manifest",
      'two',
      { manifest: (manifest) => ({ ...manifest, version: '20261124T000000Z-00000000' }) },
      '20261124T000000Z-00000000',
    ],
    [
      'a manifest without the weights',
      'two',
      { manifest: (manifest) => ({ ...manifest, files: manifest.files.slice(0, 1) }) },
      'lists no weights.bin',
    ],
    [
      'weights of another shape',
      'two',
      { files: { 'weights.bin': new ArrayBuffer(64) } },
      'loaded',
    ],
    ['weights that are no numbers', 'two', { files: { 'weights.bin': notNumbers() } }, 'NaN'],
  ];

  it.each(wrong)('with %s never replaces a good one, and is named in /readyz', async (...args) => {
    const [, model, options, cause] = args;
    const { bucket, first, app } = await serving();
    const good = await app.json('/predict?index=0');
    const held = engine().state.numBytes;
    const bad = await bucket.publish(model, { createdAt: later, ...options });
    await bucket.moveAlias(bad);
    await lookAgain(app);
    expect(await app.json('/predict?index=0')).toEqual(good);
    expect(engine().state.numBytes).toBe(held);
    expect(await app.json('/readyz')).toMatchObject({
      status: 'ready',
      model: { version: first },
      failure: {
        version: bad,
        code: 'bad_model',
        detail: expect.stringContaining(cause),
        attempts: 1,
      },
    });

    const repaired = await bucket.publish('two', { createdAt: new Date('2026-11-24T10:30:00Z') });
    await bucket.moveAlias(repaired);
    await lookAgain(app);
    expect(await app.json('/readyz')).toMatchObject({
      model: { version: repaired },
      failure: null,
    });
  });

  it('is named where it is the first one, too', async () => {
    const bucket = openBucket();
    const bad = await bucket.publish('one', { damage: { 'weights.bin': flipped() } });
    await bucket.moveAlias(bad);
    const app = openApp(bucket);
    expect(await app.json('/predict?index=0')).toMatchObject({ status: 503, code: 'bad_model' });
    expect(await app.json('/readyz')).toMatchObject({
      status: 503,
      code: 'bad_model',
      failure: { version: bad },
    });
  });

  it('says which kernel or layer the Worker does not bundle', async () => {
    const { bucket, app } = await serving();
    const topology = new TextDecoder()
      .decode(await readModelJson(bucket))
      .replaceAll('"MaxPooling2D"', '"AveragePooling2D"');
    const bad = await bucket.publish('two', {
      createdAt: later,
      files: { 'model.json': text(topology) },
    });
    await bucket.moveAlias(bad);
    await lookAgain(app);
    const { failure } = await app.json('/readyz');
    expect(failure.detail).toMatch(/does not bundle.*Kernel 'AvgPool' not registered/);
  });

  it('is tried again ever more rarely, and at once when the alias moves', async () => {
    const { bucket } = await serving();
    const gets: string[] = [];
    const app = openApp(bucket, { store: counting(bucket, gets) });
    await versionOf(app);
    const bad = await bucket.publish('two', { createdAt: later, damage: { 'weights.bin': null } });
    await bucket.moveAlias(bad);
    const tries = () => gets.filter((key) => key.includes(`${bad}/manifest.json`)).length;
    for (let second = 0; second < 120; second += 2) await lookAgain(app);
    expect(tries()).toBeGreaterThan(3);
    expect(tries()).toBeLessThan(9);

    const good = await bucket.publish('two', { createdAt: new Date('2026-11-24T10:40:00Z') });
    await bucket.moveAlias(good);
    await lookAgain(app);
    expect(await versionOf(app)).toBe(good);
  });

  it('is served once it has been repaired', async () => {
    const { bucket, app } = await serving();
    const options = { createdAt: later, damage: { 'weights.bin': null } };
    const bad = await bucket.publish('two', options);
    await bucket.moveAlias(bad);
    await lookAgain(app);
    await bucket.publish('two', { createdAt: later });
    await lookAgain(app);
    expect(await versionOf(app)).toBe(bad);
  });
});

describe('a store that fails', () => {
  it('keeps the model that is served, and says so in /readyz', async () => {
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

  it('keeps it also where the alias is gone or can not be read', async () => {
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

function counting({ bucket }: TestBucket, gets: string[]): ObjectStore {
  const store = r2ObjectStore(bucket);
  return {
    get: (key) => {
      gets.push(key);
      return store.get(key);
    },
    getIfChanged: (key, etag) => {
      gets.push(`${key} if changed`);
      return store.getIfChanged(key, etag);
    },
    getRange: (key, offset, length) => {
      gets.push(`${key} from ${offset}`);
      return store.getRange(key, offset, length);
    },
  };
}

async function readModelJson({ layout, bucket }: TestBucket): Promise<ArrayBuffer> {
  const { objects } = await bucket.list({ prefix: layout.versions('fashion-mnist-cnn') });
  const key = objects.find((object) => object.key.endsWith('model.json'))?.key ?? '';
  return (await bucket.get(key))?.arrayBuffer() ?? new ArrayBuffer(0);
}

function text(content: string): ArrayBuffer {
  return new Uint8Array(new TextEncoder().encode(content)).buffer;
}

function flipped(): ArrayBuffer {
  return new Uint8Array(4 * 688_138).fill(1).buffer;
}

function notNumbers(): ArrayBuffer {
  return new Float32Array(688_138).fill(Number.NaN).buffer;
}
