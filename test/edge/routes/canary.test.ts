import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket, type TestBucket } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';
import { counting, later, withCandidate } from '../../support/edge/serving.ts';

const unknown = '20200101T000000Z-00000000';

let bucket: TestBucket;
let first: string;
let second: string;
beforeAll(async () => {
  ({ bucket, first, second } = await withCandidate());
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
