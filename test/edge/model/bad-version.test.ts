import { describe, expect, it } from 'vitest';
import { engine } from '#tensorflow';
import { openBucket, type PublishOptions, type TestBucket } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { counting, later, lookAgain, serving, versionOf } from '../../support/edge/serving.ts';

describe('an invalid version', () => {
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

  it.each(wrong)(
    'with %s never replaces a valid one, and is reported in /readyz',
    async (...args) => {
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
    },
  );

  it('is reported if it is the first one', async () => {
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

  it('says which layer the Worker does not bundle', async () => {
    const { bucket, app } = await serving();
    const topology = new TextDecoder()
      .decode(await readModelJson(bucket))
      .replaceAll('"Dropout"', '"LSTM"');
    const bad = await bucket.publish('two', {
      createdAt: later,
      files: { 'model.json': text(topology) },
    });
    await bucket.moveAlias(bad);
    await lookAgain(app);
    const { failure } = await app.json('/readyz');
    expect(failure.detail).toMatch(
      /does not bundle \(docs\/04-publish\.md lists what it does\): Unknown layer: LSTM/,
    );
  });

  it('is retried with growing delays, and at once when the alias moves', async () => {
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

  it('is served after it is repaired', async () => {
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
