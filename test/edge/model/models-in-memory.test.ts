import { engine } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { loadVersion } from '../../../edge/model/load-version.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { models, openBucket } from '../../support/edge/bucket.ts';
import { expectLogits } from '../../support/edge/expect-logits.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { counting } from '../../support/edge/serving.ts';

const weightBytes = 4 * 688_138;

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
