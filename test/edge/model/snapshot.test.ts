import { describe, expect, it } from 'vitest';
import type { CreateAppOptions } from '../../../edge/app.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { models, openBucket, testLabel } from '../../support/edge/bucket.ts';
import { expectLogits } from '../../support/edge/expect-logits.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { later } from '../../support/edge/serving.ts';
import { openOutage, snapshotOf } from '../../support/edge/snapshot.ts';

/** A deployment that carries the first version and 40 test images. Its bucket has the second version and all images. */
async function deployed(options: Partial<CreateAppOptions> = {}, variables = {}) {
  const carried = openBucket();
  const version = await carried.publish('one');
  await carried.moveAlias(version);
  await carried.uploadTestSet(40);
  const bucket = openBucket();
  const second = await bucket.publish('two', { createdAt: later });
  await bucket.moveAlias(second);
  await bucket.uploadTestSet();
  const outage = openOutage(r2ObjectStore(bucket.bucket));
  const snapshot = snapshotOf(carried);
  const open = () => openApp(bucket, { store: outage.store, snapshot, ...options }, variables);
  return { open, outage, carried, bucket, version, second };
}

describe('while the bucket does not answer', () => {
  for (const state of ['refusing', 'hanging'] as const) {
    it(`a new isolate answers from the snapshot, and says so (${state})`, async () => {
      const { open, outage, version } = await deployed({ maxStoreMilliseconds: 2500 });
      outage.become(state);
      const app = open();
      const response = await app.request('/predict?index=3');
      expect(response.status).toBe(200);
      expect(response.headers.get('x-catwalk-source')).toBe('snapshot');
      expect(response.headers.get('x-catwalk-version')).toBe(version);
      const answer = await response.json();
      expect(answer).toMatchObject({
        index: 3,
        actual: { id: testLabel(3) },
        testSet: { source: 'snapshot', images: 40 },
        model: { version, alias: 'production', source: 'snapshot' },
      });
      expectLogits(answer as never, models.one.logits[3] as number[]);
    });
  }

  it('/readyz is 200 and degraded, and says why', async () => {
    const { open, outage, version } = await deployed();
    outage.become('refusing');
    const app = open();
    const response = await app.request('/readyz');
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: 'ready',
      degraded: true,
      model: { version, source: 'snapshot' },
      failure: { code: 'store_failed' },
    });
    expect(await (await app.request('/metrics')).text()).toContain('catwalk_model_snapshot 1');
  });

  it('posted images, the manifest and files are answered from the snapshot', async () => {
    const { open, outage, version } = await deployed();
    outage.become('refusing');
    const app = open();
    const png = await (await app.request('/images/5.png')).arrayBuffer();
    expect(await (await app.post(png)).json()).toMatchObject({
      model: { version, source: 'snapshot' },
    });
    expect(await app.json('/model')).toMatchObject({ source: 'snapshot', manifest: { version } });
    expect(await app.json(`/predict?index=1&version=${version}`)).toMatchObject({
      model: { version, alias: null },
    });
    const file = await app.request(`/models/${version}/weights.bin`);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(new Uint8Array(models.one.weights));
    const infer = await app.request('/v2/models/fashion-mnist-cnn');
    expect(infer.headers.get('x-catwalk-source')).toBe('snapshot');
  });

  it('an isolate that has loaded a version keeps it, and takes images that it lacks from the snapshot', async () => {
    const { open, outage, second } = await deployed();
    const app = open();
    expect((await app.json('/predict?index=90')).model).toEqual({
      name: 'fashion-mnist-cnn',
      version: second,
      alias: 'production',
    });
    outage.become('refusing');
    app.passTime(60_000);
    expect(await app.json('/predict?index=3')).toMatchObject({
      model: { version: second },
      testSet: { source: 'snapshot' },
    });
  });

  it('an image that the deployment does not carry is missing for as long', async () => {
    const { open, outage } = await deployed();
    outage.become('refusing');
    expect(await open().json('/predict?index=40')).toMatchObject({
      status: 503,
      code: 'store_failed',
    });
    outage.become('up');
    expect(await open().json('/predict?index=40')).toMatchObject({ index: 40 });
  });

  it("answers the canary's clients, too", async () => {
    const { open, outage, version } = await deployed(
      { maxStoreMilliseconds: 2500 },
      { CANARY_ALIAS: 'candidate', CANARY_PERCENT: '100' },
    );
    outage.become('hanging');
    expect((await open().json('/predict?index=3')).model).toMatchObject({ version });
  });
});

describe('when the bucket answers again', () => {
  it("moves to the bucket's version", async () => {
    const { open, outage, version, second } = await deployed();
    outage.become('refusing');
    const app = open();
    expect((await app.json('/predict?index=3')).model).toMatchObject({ version });
    outage.become('up');
    app.passTime(1999);
    expect((await app.json('/predict?index=3')).model.version).toBe(version);
    app.passTime(1);
    await app.json('/predict?index=3'); // answered at once; the attempt continues in the background
    const answer = await app.json('/predict?index=3');
    expect(answer.model).toEqual({
      name: 'fashion-mnist-cnn',
      version: second,
      alias: 'production',
    });
    expect(answer.testSet).toBeUndefined();
    expectLogits(answer, models.two.logits[3] as number[]);
    expect(await app.json('/readyz')).toMatchObject({ degraded: false, failure: null });
  });
});

describe('an empty bucket', () => {
  it('is served from the snapshot until a version is published', async () => {
    const { carried, version } = await deployed();
    const empty = openBucket();
    const app = openApp(empty, { snapshot: snapshotOf(carried) });
    expect((await app.json('/predict?index=3')).model).toMatchObject({ source: 'snapshot' });
    expect(await app.json('/readyz')).toMatchObject({
      degraded: true,
      model: { version },
      failure: { code: 'no_model' },
    });
    expect(await app.json('/predict?index=40')).toMatchObject({
      code: 'index_out_of_range',
      detail:
        'There is no image 40: the bucket has no valid test images, and the last one that the deployment carries is 39.',
    });
    const published = await empty.publish('two', { createdAt: later });
    await empty.moveAlias(published);
    app.passTime(2000);
    const answer = await app.json('/predict?index=3');
    expect(answer).toMatchObject({
      model: { version: published },
      testSet: { source: 'snapshot' },
    });
    expect(answer.model.source).toBeUndefined();
  });
});

describe('the snapshot', () => {
  it('does not answer if it is not signed and the Worker has a key, or if it was altered', async () => {
    const { carried, version } = await deployed();
    const key = btoa(String.fromCharCode(...new Uint8Array(32).fill(1)));
    const pem = `MCowBQYDK2VwAyEA${key}`;
    const signed = openApp(
      openBucket(),
      { snapshot: snapshotOf(carried) },
      { MODEL_PUBLIC_KEY: pem },
    );
    expect(await signed.json('/predict?index=3')).toMatchObject({ code: 'no_model' });
    const weights = `${carried.prefix}models/fashion-mnist-cnn/versions/${version}/weights.bin`;
    await carried.bucket.put(weights, new Uint8Array(models.two.weights));
    const altered = openApp(openBucket(), { snapshot: snapshotOf(carried) });
    expect(await altered.json('/predict?index=3')).toMatchObject({ code: 'no_model' });
  });

  it('of another model changes nothing', async () => {
    const { carried } = await deployed();
    const app = openApp(
      openBucket(),
      { snapshot: snapshotOf(carried) },
      { MODEL_NAME: 'other', DATASET_NAME: 'other' },
    );
    expect(await app.json('/predict?index=3')).toMatchObject({ code: 'no_model' });
  });

  it('is loaded only if it is needed, and its model is not loaded twice', async () => {
    const { open, outage, bucket, second } = await deployed();
    const app = open();
    await app.json('/predict?index=3');
    expect((await app.json('/readyz')).versionsInMemory).toEqual([second]);
    const same = openApp(bucket, { store: outage.store, snapshot: snapshotOf(bucket) });
    outage.become('refusing');
    await same.json('/predict?index=3');
    outage.become('up');
    same.passTime(2000);
    await same.json('/predict?index=3');
    expect((await same.json('/predict?index=3')).model.source).toBeUndefined();
    expect((await same.json('/readyz')).versionsInMemory).toEqual([second]);
  });
});
