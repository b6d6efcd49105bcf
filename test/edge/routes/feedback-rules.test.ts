import { beforeAll, describe, expect, it } from 'vitest';
import { pngUrl } from '../../../shared/picture/png.ts';
import { openBucket } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
beforeAll(async () => {
  await bucket.moveAlias(await bucket.publish('one'));
  await bucket.uploadTestSet();
});

/** A light picture of another size than the network's input. */
const light = pngUrl({ pixels: new Uint8Array(1600).fill(220), height: 40, width: 40 });

const secret = 'b2f5d9c0a1e84736b2f5d9c0a1e84736';
const tokens = { API_TOKENS: 'ada:0123456789abcdef,bob:fedcba9876543210' };
const ada = { authorization: 'Bearer 0123456789abcdef' };
const bob = { authorization: 'Bearer fedcba9876543210' };
const day = 24 * 60 * 60 * 1000;

/** Opens the Worker on feedback of its own. */
const open = (variables: Record<string, string>, of = bucket) =>
  openApp(of, {}, { FEEDBACK: 'open', ...variables });

async function send(app: TestApp, body: object, headers: Record<string, string> = {}) {
  const response = await app.request('/feedback', {
    method: 'POST',
    body: JSON.stringify({ label: 1, ...body }),
    headers: { 'content-type': 'application/json', ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    ...((await response.json()) as object),
  };
}

const idOf = async (app: TestApp, index: number): Promise<string> =>
  (await app.json(`/predict?index=${index}`)).id;

describe('signed ids', () => {
  it('are accepted until they expire, from GET and POST /predict', async () => {
    const app = open({ FEEDBACK_SECRET: secret });
    const id = await idOf(app, 0);
    expect(id).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{8}\.[0-9a-f]{64}\.20261201\.[\w-]{43}$/);
    const pixels = Array(784).fill(7);
    const posted = await app.post(JSON.stringify({ pixels }), 'application/json');
    const of = (await posted.json()) as { id: string };
    expect(await send(app, { id: of.id, pixels })).toMatchObject({ status: 201, id: of.id });
    app.passTime(7 * day);
    expect(await send(app, { id, index: 0 })).toMatchObject({ status: 201 });
    app.passTime(day);
    expect(await send(app, { id, index: 0 })).toMatchObject({
      code: 'unknown_prediction',
      detail: expect.stringContaining('expired on 20261201'),
    });
  });

  it('are recognized by every isolate with the secret, and by no other', async () => {
    const id = await idOf(open({ FEEDBACK_SECRET: secret }), 1);
    expect(await send(open({ FEEDBACK_SECRET: secret }), { id, index: 1 })).toMatchObject({
      status: 201,
    });
    const other = await send(open({ FEEDBACK_SECRET: secret.toUpperCase() }), { id, index: 1 });
    expect(other).toMatchObject({ status: 422, code: 'unknown_prediction' });
    expect(JSON.stringify(other)).not.toContain(secret);
  });

  it('can not be forged', async () => {
    const app = open({ FEEDBACK_SECRET: secret });
    const [version, hash, last, signature] = (await idOf(app, 2)).split('.') as [
      string,
      string,
      string,
      string,
    ];
    const [, other] = (await idOf(app, 3)).split('.') as [string, string];
    const flipped = (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1);
    for (const forged of [
      `${version}.${hash}`,
      `${version}.${other}.${last}.${signature}`,
      `${version}.${hash}.20991231.${signature}`,
      `${version}.${hash}.${last}.${flipped}`,
    ]) {
      for (const index of [2, 3]) {
        expect(await send(app, { id: forged, index })).toMatchObject({
          code: 'unknown_prediction',
        });
      }
    }
  });

  it('make an answer that has to be revalidated, and another one each day', async () => {
    const app = open({ FEEDBACK_SECRET: secret });
    const { model } = await app.json('/predict?index=0');
    const [dataset] = ((await app.request('/images/0.png')).headers.get('etag') ?? '')
      .slice(1)
      .split('.');
    const path = `/predict?index=0&version=${model.version}&dataset=${dataset}`;
    const { headers } = await app.request(path);
    expect(headers.get('cache-control')).toBe('no-cache');
    const known = { headers: { 'if-none-match': headers.get('etag') ?? '' } };
    expect((await app.request(path, known)).status).toBe(304);
    app.passTime(day);
    expect((await app.request(path, known)).status).toBe(200);
  });

  it('are not needed without a secret', async () => {
    const app = open({});
    const id = await idOf(app, 4);
    expect(id).toMatch(/^[\w-]+\.[0-9a-f]{64}$/);
    expect(await send(app, { id, index: 4 })).toMatchObject({ status: 201 });
  });

  it.each([
    ['a short secret', { FEEDBACK_SECRET: 'short-secret' }],
    ['too many days', { FEEDBACK_DAYS: '91' }],
    ['no record', { FEEDBACK_MAX_PER_DAY: '0' }],
  ])('refuses %s, and does not show it', (_, variables) => {
    expect(() => open(variables)).toThrow(Object.keys(variables)[0]);
    expect(() => open(variables)).not.toThrow('short-secret');
  });
});

describe('POST /feedback', () => {
  it.each([
    ['light pixels', '', JSON.stringify(Array(784).fill(200))],
    ['inverted pixels', '?invert=true', JSON.stringify(Array(784).fill(7))],
    ['a picture that was kept', '?invert=false', JSON.stringify({ image: light })],
  ])('takes the image that ?echo=true returned for %s', async (_, query, body) => {
    const app = open({});
    const path = `/predict${query}${query ? '&' : '?'}echo=true`;
    const headers = { 'content-type': 'application/json' };
    const { id, input } = await app.json(path, { method: 'POST', body, headers });
    expect(await send(app, { id, image: input, label: 1 })).toMatchObject({ status: 201 });
    const other = pngUrl({ pixels: new Uint8Array(784).fill(9), height: 28, width: 28 });
    expect(await send(app, { id, image: other })).toMatchObject({ code: 'unknown_prediction' });
  });

  it('needs a token by default, also if no token is configured', async () => {
    const closed = open({ FEEDBACK: 'on' });
    const id = await idOf(closed, 5);
    const refused = await send(closed, { id, index: 5 });
    expect(refused).toMatchObject({ status: 401, code: 'unauthorized' });
    expect(refused.headers.get('www-authenticate')).toContain('Bearer');
    const guarded = open({ FEEDBACK: 'on', ...tokens });
    expect(await send(guarded, { id, index: 5 })).toMatchObject({ status: 401 });
    expect(await send(guarded, { id, index: 5 }, ada)).toMatchObject({ status: 201 });
  });

  it("stores each client's label once a day, with the client's name and the id without its signature", async () => {
    const app = open({ FEEDBACK: 'on', FEEDBACK_SECRET: secret, ...tokens });
    const id = await idOf(app, 6);
    expect(await send(app, { id, index: 6 }, ada)).toMatchObject({ status: 201, stored: true });
    expect(await send(app, { id, index: 6 }, ada)).toMatchObject({ status: 200, stored: false });
    expect(await send(app, { id, index: 6 }, bob)).toMatchObject({ status: 201, stored: true });
    const [version, hash] = id.split('.');
    const prefix = bucket.layout.feedbackDay('fashion-mnist-cnn', '2026-11-24');
    for (const client of ['ada', 'bob']) {
      const object = await bucket.bucket.get(`${prefix}${version}.${hash}-1-${client}.json`);
      expect(await object?.json()).toMatchObject({ id: `${version}.${hash}`, client });
    }
  });

  it('stores at most the configured number of records a day', async () => {
    const own = openBucket();
    await own.moveAlias(await own.publish('one'));
    await own.uploadTestSet();
    const variables = { FEEDBACK_MAX_PER_DAY: '3' };
    const [app, isolate] = [open(variables, own), open(variables, own)];
    const id = await idOf(app, 0);
    for (const label of [0, 1, 2]) {
      expect(await send(app, { id, index: 0, label })).toMatchObject({ status: 201 });
    }
    expect(await send(isolate, { id, index: 0, label: 2 })).toMatchObject({ status: 200 });
    for (const each of [app, isolate]) {
      const refused = await send(each, { id, index: 0, label: 3 });
      expect(refused).toMatchObject({ status: 429, code: 'too_many_requests' });
      expect(refused.headers.get('retry-after')).toBe(String(12 * 60 * 60));
    }
    const { objects } = await own.bucket.list({
      prefix: own.layout.feedbacks('fashion-mnist-cnn'),
    });
    expect(objects).toHaveLength(3);
    app.passTime(day / 2);
    expect(await send(app, { id, index: 0, label: 3 })).toMatchObject({ status: 201 });
  });

  it('counts the records that are being written', async () => {
    const own = openBucket();
    await own.moveAlias(await own.publish('one'));
    await own.uploadTestSet();
    const app = open({ FEEDBACK_MAX_PER_DAY: '3' }, own);
    const id = await idOf(app, 0);
    await Promise.all(Array.from({ length: 10 }, (_, label) => send(app, { id, index: 0, label })));
    const { objects } = await own.bucket.list({
      prefix: own.layout.feedbacks('fashion-mnist-cnn'),
    });
    expect(objects.length).toBeLessThanOrEqual(3);
  });
});
