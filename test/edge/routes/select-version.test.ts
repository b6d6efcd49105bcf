import { beforeAll, describe, expect, it } from 'vitest';
import { manifestSchema } from '../../../shared/registry/manifest.ts';
import { models, openBucket, type TestBucket, testImage } from '../../support/edge/bucket.ts';
import { expectLogits } from '../../support/edge/expect-logits.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { later, withCandidate } from '../../support/edge/serving.ts';

const unknown = '20200101T000000Z-00000000';

let bucket: TestBucket;
let first: string;
let second: string;
beforeAll(async () => {
  ({ bucket, first, second } = await withCandidate());
});

describe('?version= and ?alias=', () => {
  it('select the model that answers, which the answer names', async () => {
    const app = openApp(bucket);
    const asked: [string, string, string | null, 'one' | 'two'][] = [
      ['', first, 'production', 'one'],
      [`&version=${second}`, second, null, 'two'],
      ['&alias=candidate', second, 'candidate', 'two'],
      [`&version=${first}`, first, null, 'one'],
      ['&alias=production', first, 'production', 'one'],
    ];
    for (const [query, version, alias, model] of asked) {
      const response = await app.request(`/predict?index=3${query}`);
      expect(response.headers.get('x-catwalk-version')).toBe(version);
      expect(response.headers.get('x-catwalk-alias')).toBe(alias);
      // biome-ignore lint/suspicious/noExplicitAny: compared below.
      const answer = (await response.json()) as any;
      expect(answer.model).toEqual({ name: 'fashion-mnist-cnn', version, alias });
      expectLogits(answer, models[model].logits[3] as number[]);
    }
  });

  it('select it for posted images, and for GET /model', async () => {
    const app = openApp(bucket);
    for (const query of [`?version=${second}`, '?alias=candidate']) {
      const response = await app.post(testImage(3), 'application/octet-stream', query);
      // biome-ignore lint/suspicious/noExplicitAny: compared below.
      const answer = (await response.json()) as any;
      expect(answer.model.version).toBe(second);
      expectLogits(answer, models.two.logits[3] as number[]);
    }
    const pinned = await app.json(`/model?version=${second}`);
    expect(pinned.alias).toBeNull();
    expect(manifestSchema.parse(pinned.manifest).version).toBe(second);
    expect(await app.json('/model?alias=candidate')).toMatchObject({
      alias: { name: 'candidate', version: second },
      manifest: { version: second },
    });
  });

  it('can come in the header X-Catwalk-Alias, which the query overrides', async () => {
    const app = openApp(bucket);
    const headers = { 'x-catwalk-alias': 'candidate' };
    expect((await app.json('/predict?index=0', { headers })).model.version).toBe(second);
    const answer = await app.json(`/predict?index=0&version=${first}`, { headers });
    expect(answer.model).toMatchObject({ version: first, alias: null });
  });

  it.each([
    ['?version=newest', 400, 'bad_parameter'],
    ['?version=', 400, 'bad_parameter'],
    ['?alias=Production', 400, 'bad_parameter'],
    ['?alias=../production', 400, 'bad_parameter'],
    [`?alias=production&version=${unknown}`, 400, 'bad_parameter'],
    [`?version=${unknown}`, 404, 'version_not_found'],
    ['?alias=nobody', 404, 'alias_not_found'],
  ])('refuse %s', async (query, status, code) => {
    const app = openApp(bucket);
    for (const path of ['/predict', '/model']) {
      expect(await app.json(`${path}${query}`)).toMatchObject({ status, code });
    }
    const posted = await app.post(testImage(0), 'application/octet-stream', query);
    expect(await posted.json()).toMatchObject({ status, code });
    // The served model is not affected.
    expect((await app.json('/predict?index=0')).model.version).toBe(first);
  });

  it('follow a requested alias as it moves', async () => {
    const moving = openBucket();
    await moving.uploadTestSet();
    const one = await moving.publish('one');
    const two = await moving.publish('two', { createdAt: later });
    await moving.moveAlias(one);
    await moving.moveAlias(one, 'shadow');
    const app = openApp(moving);
    const shadow = async () => (await app.json('/predict?index=0&alias=shadow')).model?.version;
    expect(await shadow()).toBe(one);
    await moving.moveAlias(two, 'shadow');
    app.passTime(2000);
    expect(await shadow()).toBe(one); // the poll continues in the background
    expect(await shadow()).toBe(two);
  });

  it('check a version like an alias does, and let it recover', async () => {
    const damaged = openBucket();
    await damaged.uploadTestSet();
    await damaged.moveAlias(await damaged.publish('one'));
    const bytes = new Uint8Array(models.two.weights.slice(0));
    bytes[1000] = (bytes[1000] as number) ^ 1;
    const bad = await damaged.publish('two', { damage: { 'weights.bin': bytes.buffer } });
    const app = openApp(damaged);
    const answer = await app.json(`/predict?index=0&version=${bad}`);
    expect(answer).toMatchObject({ status: 503, code: 'bad_model' });
    expect(answer.detail).toContain('SHA-256');
    expect(await app.json('/readyz')).toMatchObject({ status: 'ready', failure: null });
    await damaged.publish('two');
    expect(await app.json(`/predict?index=0&version=${bad}`)).toMatchObject({ status: 503 });
    app.passTime(5000);
    expect((await app.json(`/predict?index=0&version=${bad}`)).model.version).toBe(bad);
  });

  it('refuse an unsigned version if a key is configured', async () => {
    const pair = (await crypto.subtle.generateKey('Ed25519', true, [
      'sign',
      'verify',
    ])) as CryptoKeyPair;
    const key = (await crypto.subtle.exportKey('spki', pair.publicKey)) as ArrayBuffer;
    const signing = openBucket();
    await signing.uploadTestSet();
    const signed = await signing.publish('one', { signingKey: pair.privateKey });
    const unsigned = await signing.publish('two');
    await signing.moveAlias(signed, 'production', { signingKey: pair.privateKey });
    const publicKey = btoa(String.fromCharCode(...new Uint8Array(key)));
    const app = openApp(signing, {}, { MODEL_PUBLIC_KEY: publicKey });
    expect((await app.json(`/predict?index=0&version=${signed}`)).model.version).toBe(signed);
    const refused = await app.json(`/predict?index=0&version=${unsigned}`);
    expect(refused).toMatchObject({ status: 503, code: 'bad_model' });
    expect(refused.detail).toContain('not signed');
    const { versions } = await app.json('/models');
    expect(versions.find(({ version }: { version: string }) => version === unsigned)).toMatchObject(
      {
        metrics: null,
      },
    );
  });
});
