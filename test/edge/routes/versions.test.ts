import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { engine } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../../edge/app.ts';
import { parseConfiguration } from '../../../edge/configuration.ts';
import { loadVersion } from '../../../edge/model/load-version.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { manifestSchema } from '../../../shared/registry/manifest.ts';
import { modelListSchema } from '../../../shared/registry/model-list.ts';
import { models, openBucket, type TestBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';
import { counting, later } from '../../support/edge/serving.ts';

const weightBytes = 4 * 688_138;
const unknown = '20200101T000000Z-00000000';

let bucket: TestBucket;
let first: string;
let second: string;
beforeAll(async () => {
  bucket = openBucket();
  await bucket.uploadTestSet();
  first = await bucket.publish('one');
  second = await bucket.publish('two', { createdAt: later });
  await bucket.moveAlias(first);
  await bucket.moveAlias(second, 'candidate');
});

/** @returns the probabilities of an answer, as logits less their largest */
const logitsOf = (answer: { probabilities: { probability: number }[] }) => {
  const logits = answer.probabilities.map(({ probability }) => Math.log(probability));
  return logits.map((logit) => logit - Math.max(...logits));
};
const expectLogits = (
  answer: { probabilities: { probability: number }[] },
  expected: readonly number[],
) => {
  const largest = Math.max(...expected);
  for (const [i, logit] of logitsOf(answer).entries()) {
    expect(logit).toBeCloseTo((expected[i] as number) - largest, 4);
  }
};

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

describe('the models in memory', () => {
  async function publishMany(count: number) {
    const full = openBucket();
    await full.uploadTestSet();
    const versions = [];
    for (let i = 0; i < count; i++) {
      const createdAt = new Date(Date.UTC(2026, 0, 1 + i));
      versions.push(await full.publish(i % 2 === 0 ? 'one' : 'two', { createdAt }));
    }
    await full.moveAlias(versions[0] as string);
    return { full, versions };
  }

  it('are the last used within the limit, and always the served one', async () => {
    const { full, versions } = await publishMany(5);
    const megabytes = String((3 * weightBytes) / 1e6);
    const app = openApp(full, {}, { MODELS_MEGABYTES: megabytes });
    const before = engine().state.numBytes;
    const inMemory = async () => (await app.json('/readyz')).versionsInMemory;
    const ask = (version: string | undefined) => app.json(`/predict?index=0&version=${version}`);
    const [served, a, b, c, d] = versions;
    await app.json('/predict?index=0');
    for (const version of [a, b]) await ask(version);
    expect(engine().state.numBytes - before).toBe(3 * weightBytes);
    await ask(a);
    await ask(c); // b is the least recently used
    expect((await inMemory()).sort()).toEqual([served, a, c].sort());
    await ask(d);
    expect((await inMemory()).sort()).toEqual([served, c, d].sort());
    expect(engine().state.numBytes - before).toBe(3 * weightBytes);
    expect((await ask(b)).model.version).toBe(b);
  });

  it('are dropped at once if the limit leaves no room, and still answer', async () => {
    const { full, versions } = await publishMany(4);
    const app = openApp(full, {}, { MODELS_MEGABYTES: '0' });
    const answers = await Promise.all(
      versions.map((version) => app.json(`/predict?index=0&version=${version}`)),
    );
    expect(answers.map(({ model }) => model.version)).toEqual(versions);
    await app.json('/predict?index=0');
    const { versionsInMemory } = await app.json('/readyz');
    expect(versionsInMemory).toContain(versions[0]);
    expect(versionsInMemory.length).toBeLessThanOrEqual(2);
  });

  it('are loaded a few at a time; further requests are asked to retry', async () => {
    const { full, versions } = await publishMany(6);
    let finish = () => {};
    const wait = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const app = openApp(full, {
      load: async (source, version) => {
        if (version !== versions[0]) await wait;
        return loadVersion(source, version);
      },
    });
    await app.json('/predict?index=0');
    const asked = versions.slice(1, 5).map((version) => app.json(`/predict?version=${version}`));
    const refused = await app.request(`/predict?version=${versions[5]}`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await refused.json()).toMatchObject({ code: 'busy' });
    expect((await app.json('/predict?index=0')).model.version).toBe(versions[0]);
    finish();
    const answers = await Promise.all(asked);
    expect(answers.map(({ model }) => model.version)).toEqual(versions.slice(1, 5));
  });

  it('are one for two aliases of the same version', async () => {
    const both = openBucket();
    await both.uploadTestSet();
    const version = await both.publish('one');
    await both.moveAlias(version);
    await both.moveAlias(version, 'candidate');
    const gets: string[] = [];
    const app = openApp(both, { store: counting(both, gets) }, { CANARY_ALIAS: 'candidate' });
    await app.json('/predict?index=0');
    await app.json('/predict?index=0&alias=candidate');
    await app.json(`/predict?index=0&version=${version}`);
    expect(gets.filter((key) => key.endsWith('weights.bin'))).toHaveLength(1);
  });

  it('finish a request that began before the alias moved', async () => {
    const { full, versions } = await publishMany(2);
    const [one, two] = versions as [string, string];
    const loaded: string[] = [];
    let imagesWaitFor = Promise.resolve();
    const store = r2ObjectStore(full.bucket);
    const app = openApp(
      full,
      {
        store: {
          ...store,
          getRange: async (...range) => {
            await imagesWaitFor;
            return store.getRange(...range);
          },
        },
        load: (source, version) => {
          loaded.push(version);
          return loadVersion(source, version);
        },
      },
      { MODELS_MEGABYTES: '0' },
    );
    await app.json('/model');
    let gone = () => {};
    imagesWaitFor = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const asked = app.json('/predict?index=3');
    await full.moveAlias(two);
    app.passTime(2000);
    await app.json('/model');
    expect((await app.json('/model')).manifest.version).toBe(two);
    gone();
    const answer = await asked;
    expect(loaded).toEqual([one, two, one]);
    expect(answer.model).toMatchObject({ version: one, alias: 'production' });
    expectLogits(answer, models.one.logits[3] as number[]);
    expect((await app.json('/predict?index=3')).model.version).toBe(two);
  });
});

describe('a canary', () => {
  const share = { CANARY_ALIAS: 'candidate', CANARY_PERCENT: '20' };
  const askAs = async (app: TestApp, client: string) =>
    (await app.json('/predict?index=0', { headers: { 'x-catwalk-client': client } })).model;

  it('answers a stable share of the clients', async () => {
    const app = openApp(bucket, {}, share);
    const clients = Array.from({ length: 1000 }, (_, i) => `client-${i}`);
    const chosen = [];
    for (const client of clients) {
      const model = await askAs(app, client);
      if (model.alias === 'candidate') chosen.push(client);
      expect(model.version).toBe(model.alias === 'candidate' ? second : first);
    }
    // 200 expected; the standard deviation is 12.6.
    expect(chosen.length).toBeGreaterThan(150);
    expect(chosen.length).toBeLessThan(250);

    const elsewhere = openApp(bucket, {}, { ...share, CANARY_PERCENT: '40' });
    for (const client of chosen.slice(0, 50)) {
      expect((await askAs(elsewhere, client)).alias).toBe('candidate');
    }
  });

  it('distinguishes clients by key, else by address, else at random', async () => {
    const byAddress = openApp(bucket, { random: () => 0 }, share);
    const aliases = new Set<string>();
    for (let i = 0; i < 30; i++) {
      const headers = { 'cf-connecting-ip': `192.0.2.${i}` };
      const one = (await byAddress.json('/predict?index=0', { headers })).model.alias;
      expect((await byAddress.json('/predict?index=0', { headers })).model.alias).toBe(one);
      aliases.add(one);
    }
    expect([...aliases].sort()).toEqual(['candidate', 'production']);
    let chance = 0.19;
    const byChance = openApp(bucket, { random: () => chance }, share);
    expect((await byChance.json('/predict?index=0')).model.alias).toBe('candidate');
    chance = 0.2;
    expect((await byChance.json('/predict?index=0')).model.alias).toBe('production');
  });

  it('answers only explicit requests at 0 %, and never overrides one at 100 %', async () => {
    const none = openApp(bucket, { random: () => 0 }, { ...share, CANARY_PERCENT: '0' });
    expect((await askAs(none, 'anybody')).alias).toBe('production');
    const all = openApp(bucket, {}, { ...share, CANARY_PERCENT: '100' });
    expect((await askAs(all, 'anybody')).alias).toBe('candidate');
    expect((await all.json('/predict?index=0&alias=production')).model.version).toBe(first);
    expect((await all.json('/readyz')).model.version).toBe(first);
  });

  it('that cannot be served leaves its clients to the served model, and reports why', async () => {
    const broken = openBucket();
    await broken.uploadTestSet();
    const good = await broken.publish('one');
    await broken.moveAlias(good);
    await broken.moveAlias(unknown, 'candidate');
    const gets: string[] = [];
    const variables = { ...share, CANARY_PERCENT: '100' };
    const app = openApp(broken, { store: counting(broken, gets) }, variables);
    expect(await askAs(app, 'anybody')).toMatchObject({ version: good, alias: 'production' });
    expect(await app.json('/readyz')).toMatchObject({
      status: 'ready',
      failure: null,
      canary: { alias: 'candidate', failure: { version: unknown, code: 'bad_model', attempts: 1 } },
    });
    // Not every request looks for it again.
    gets.length = 0;
    await askAs(app, 'anybody');
    expect(gets.filter((key) => key.includes('candidate') || key.includes(unknown))).toEqual([]);
    await broken.moveAlias(await broken.publish('two', { createdAt: later }), 'candidate');
    app.passTime(1000);
    expect((await askAs(app, 'anybody')).alias).toBe('candidate');
  });
});

describe('GET /models', () => {
  it('lists the versions, newest first, and the aliases', async () => {
    const app = openApp(bucket);
    const list = await app.json('/models');
    expect(modelListSchema.parse(list)).toEqual(list);
    expect(list).toEqual({
      name: 'fashion-mnist-cnn',
      versions: [
        {
          version: second,
          createdAt: later.toISOString(),
          metrics: { accuracy: 0.1, loss: 2.3 },
          aliases: ['candidate'],
        },
        {
          version: first,
          createdAt: '2026-11-24T10:15:00.000Z',
          metrics: { accuracy: 0.1, loss: 2.3 },
          aliases: ['production'],
        },
      ],
      aliases: [
        { name: 'candidate', version: second, updatedAt: '2026-11-24T10:15:00Z', previous: null },
        { name: 'production', version: first, updatedAt: '2026-11-24T10:15:00Z', previous: null },
      ],
      truncated: false,
    });
  });

  it('leaves out unfinished versions, and reads the bucket once per interval', async () => {
    const growing = openBucket();
    const gets: string[] = [];
    const app = openApp(growing, { store: counting(growing, gets) });
    expect(await app.json('/models')).toMatchObject({
      versions: [],
      aliases: [],
      truncated: false,
    });
    await growing.publish('one', { withoutManifest: true });
    const whole = await growing.publish('two');
    await growing.moveAlias(whole);
    expect((await app.json('/models')).versions).toEqual([]);
    app.passTime(2000);
    expect(await app.json('/models')).toMatchObject({
      versions: [{ version: whole, aliases: ['production'] }],
    });
    gets.length = 0;
    await app.json('/models');
    expect(gets).toEqual([]);
    app.passTime(2000);
    await app.json('/models');
    // Versions are immutable.
    expect(gets.filter((key) => key.includes(whole))).toEqual([]);
  });

  it('returns the newest 20, and says that there are more', async () => {
    const many = openBucket();
    const last = '20260101T000000Z-00000000';
    for (let i = 0; i < 25; i++) {
      const version = `20250101T0000${String(i).padStart(2, '0')}Z-00000000`;
      await many.bucket.put(many.layout.manifest('fashion-mnist-cnn', version), '{}');
    }
    await many.bucket.put(many.layout.manifest('fashion-mnist-cnn', last), '{}');
    const { versions, truncated } = await openApp(many).json('/models');
    expect(truncated).toBe(true);
    expect(versions).toHaveLength(20);
    // They are corrupt here, and listed as such.
    expect(versions[0]).toEqual({ version: last, createdAt: null, metrics: null, aliases: [] });
  });
});

describe('the Cron Trigger', () => {
  it('polls the aliases even without requests', async () => {
    const moving = openBucket();
    await moving.uploadTestSet();
    const one = await moving.publish('one');
    const two = await moving.publish('two', { createdAt: later });
    await moving.moveAlias(one);
    const app = createApp({
      store: r2ObjectStore(moving.bucket),
      configuration: parseConfiguration({
        BUCKET_PREFIX: moving.prefix,
        ALIAS_POLL_SECONDS: '3600',
      }),
    });
    async function trigger() {
      const context = createExecutionContext();
      app.scheduled(
        { scheduledTime: 0, cron: '* * * * *', noRetry() {} } as ScheduledController,
        {},
        context,
      );
      await waitOnExecutionContext(context);
    }
    const served = async () => {
      const context = createExecutionContext();
      const request = new Request('http://catwalk.test/predict?index=0');
      // biome-ignore lint/suspicious/noExplicitAny: compared below.
      return ((await (await app.fetch(request, {}, context)).json()) as any).model.version;
    };
    await trigger();
    expect(await served()).toBe(one);
    await moving.moveAlias(two);
    expect(await served()).toBe(one);
    await trigger();
    expect(await served()).toBe(two);
  });
});
