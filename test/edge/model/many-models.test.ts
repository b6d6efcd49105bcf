import { describe, expect, it } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { bucketLayout } from '../../../shared/registry/bucket-layout.ts';
import { models, openBucket, type TestBucket } from '../../support/edge/bucket.ts';
import { expectLogits } from '../../support/edge/expect-logits.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { counting, later } from '../../support/edge/serving.ts';

const own = fashionMnistCnn.name;
const weightBytes = 4 * 688_138;

/** Publishes a copy of a version under another name, with `production` on it. */
async function copyModel({ bucket, prefix }: TestBucket, version: string, name: string) {
  const layout = bucketLayout(prefix);
  for (const file of ['model.json', 'weights.bin', 'manifest.json']) {
    const object = await bucket.get(layout.versionFile(own, version, file));
    const bytes = await (object as R2ObjectBody).arrayBuffer();
    const renamed =
      file === 'manifest.json'
        ? JSON.stringify({ ...JSON.parse(new TextDecoder().decode(bytes)), name })
        : bytes;
    await bucket.put(layout.versionFile(name, version, file), renamed);
  }
  const alias = { version, updatedAt: '2026-11-24T10:15:00Z', previous: null };
  await bucket.put(layout.alias(name, 'production'), JSON.stringify(alias));
}

/** A bucket with the Worker's own model, and the second version under other names. */
async function withModels(...names: string[]) {
  const bucket = openBucket();
  await bucket.uploadTestSet();
  const first = await bucket.publish('one');
  const second = await bucket.publish('two', { createdAt: later });
  await bucket.moveAlias(first);
  for (const name of names) await copyModel(bucket, second, name);
  return { bucket, first, second };
}

describe('a model that MODELS allows', () => {
  it('answers on every route under its own name', async () => {
    const { bucket, first, second } = await withModels('coats');
    const app = openApp(bucket, {}, { MODELS: 'coats, boots', FEEDBACK: 'open' });
    const answer = await app.json('/predict?index=3&model=coats');
    expect(answer.model).toEqual({ name: 'coats', version: second, alias: 'production' });
    expectLogits(answer, models.two.logits[3] as number[]);
    expect((await app.json('/predict?index=3')).model).toMatchObject({ name: own, version: first });

    const png = await (await app.request('/images/3.png?model=coats')).arrayBuffer();
    const posted = await app.post(png, 'image/png', '?model=coats');
    expect(await posted.json()).toMatchObject({ model: { name: 'coats', version: second } });
    expect(await app.json('/model?model=coats')).toMatchObject({ manifest: { name: 'coats' } });
    expect(await app.json('/models?model=coats')).toMatchObject({
      name: 'coats',
      versions: [{ version: second }],
    });
    expect(await app.json('/models/names')).toEqual({ own, models: [own, 'coats'] });
    const weights = await app.request(`/models/${second}/weights.bin?model=coats`);
    expect(weights.status).toBe(200);
    const feedback = { id: answer.id, label: answer.actual.id, index: 3 };
    const init = { method: 'POST', body: JSON.stringify(feedback) };
    expect((await app.request('/feedback?model=coats', init)).status).toBe(201);
    const stored = await bucket.bucket.list({ prefix: `${bucket.prefix}feedback/coats/` });
    expect(stored.objects).toHaveLength(1);

    expect(await app.json('/v1/models/coats/metadata')).toMatchObject({
      model_spec: { name: 'coats' },
    });
    expect(await app.json('/v1/models/coats')).toMatchObject({
      model_version_status: [{ state: 'AVAILABLE' }],
    });
    const tensor = { name: 'images', shape: [1, 784], datatype: 'UINT8', data: Array(784).fill(7) };
    const inferred = await app.json('/v2/models/coats/infer', {
      method: 'POST',
      body: JSON.stringify({ inputs: [tensor] }),
    });
    expect(inferred).toMatchObject({ model_name: 'coats', model_version: second });
    expect((await app.json('/v2/models/coats')).versions).toEqual([second]);
  });

  it('may be any with *', async () => {
    const { bucket, second } = await withModels('coats', 'shoes');
    const app = openApp(bucket, {}, { MODELS: '*' });
    expect((await app.json('/predict?index=3&model=shoes')).model.version).toBe(second);
    expect(await app.json('/models/names')).toEqual({ own, models: [own, 'coats', 'shoes'] });
  });

  it('is listed with one read of the bucket per poll interval, and with none if there can be no other', async () => {
    const { bucket } = await withModels('coats', 'shoes');
    const reads: string[] = [];
    const app = openApp(bucket, { store: counting(bucket, reads) }, { MODELS: '*' });
    for (let request = 0; request < 3; request++) await app.json('/models/names');
    expect(reads).toEqual([`list ${bucket.prefix}models/`]);
    app.passTime(2000);
    await copyModel(bucket, await bucket.publish('two'), 'boots');
    expect((await app.json('/models/names')).models).toContain('boots');
    expect(reads).toHaveLength(2);
    const only = openApp(bucket, { store: counting(bucket, reads) });
    expect(await only.json('/models/names')).toEqual({ own, models: [own] });
    expect(reads).toHaveLength(2);
  });

  it('is followed only while requests name it', async () => {
    const { bucket, first, second } = await withModels('coats');
    const gets: string[] = [];
    const app = openApp(bucket, { store: counting(bucket, gets) }, { MODELS: '*' });
    await app.json('/predict?index=3&model=coats');
    gets.length = 0;
    app.passTime(2000);
    await app.json('/predict?index=3');
    expect(gets.filter((key) => key.includes('models/coats/'))).toEqual([]);
    await copyModel(bucket, first, 'coats');
    await app.json('/predict?index=3&model=coats'); // answered at once; the poll continues in the background
    expect((await app.json('/predict?index=3&model=coats')).model.version).toBe(first);
    expect(second).not.toBe(first);
  });

  it('is in memory within the limit; the least recently used goes first', async () => {
    const { bucket } = await withModels('a', 'b', 'c', 'd');
    const megabytes = String((3 * weightBytes) / 1e6);
    const app = openApp(bucket, {}, { MODELS: '*', MODELS_MEGABYTES: megabytes });
    await app.json('/predict?index=0');
    for (const name of ['a', 'b', 'a', 'c']) await app.json(`/predict?index=0&model=${name}`);
    const resident = (await (await app.request('/metrics')).text()).match(/model_resident\{.*\}/g);
    expect(resident?.map((line) => /name="(\w)"/.exec(line)?.[1])).toEqual([undefined, 'a', 'c']);
  });

  it('waits for its turn if many are loaded at once', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `model-${i}`);
    const { bucket, second } = await withModels(...names);
    const app = openApp(bucket, {}, { MODELS: '*', MODELS_MEGABYTES: '6' });
    const answers = await Promise.all(
      names.map((name) => app.json(`/predict?index=3&model=${name}`)),
    );
    expect(answers.map(({ model }) => model)).toEqual(
      names.map((name) => ({ name, version: second, alias: 'production' })),
    );
  });
});

describe('a model that MODELS does not allow', () => {
  it.each([{}, { MODELS: 'boots' }])('is refused on every route (%j)', async (variables) => {
    const { bucket } = await withModels('coats');
    const app = openApp(bucket, {}, { ...variables, FEEDBACK: 'open' });
    for (const path of ['/predict?index=0&', '/model?', '/models?', '/images/0.png?']) {
      const answer = await app.json(`${path}model=coats`);
      expect(answer, path).toMatchObject({ status: 404, code: 'model_not_found' });
    }
    for (const path of ['/v1/models/coats', '/v2/models/coats']) {
      expect((await app.request(path)).status).toBe(404);
    }
  });

  it('and one that the bucket lacks, are 404', async () => {
    const { bucket } = await withModels();
    const app = openApp(bucket, {}, { MODELS: '*' });
    expect(await app.json('/predict?model=coats')).toMatchObject({
      status: 404,
      code: 'model_not_found',
      detail: 'The bucket has no model coats with the alias production.',
    });
    expect((await app.request('/v2/models/coats')).status).toBe(404);
    expect((await app.request('/v1/models/coats/metadata')).status).toBe(404);
    expect(await app.json('/predict?model=Not%20a%20name')).toMatchObject({
      code: 'bad_parameter',
    });
  });
});
