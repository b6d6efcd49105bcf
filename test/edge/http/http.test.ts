import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket, testLabel } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';
import { lookAgain, serving } from '../../support/edge/serving.ts';

const bucket = openBucket();
let app: TestApp;
beforeAll(async () => {
  await bucket.uploadTestSet();
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
});

const etagOf = (response: Response) => response.headers.get('etag') ?? '';

describe('conditional requests', () => {
  it('answer 304 if the client has the prediction, and the new prediction after the alias moves', async () => {
    const { bucket, app } = await serving();
    const first = await app.request('/predict?index=3');
    expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'no-cache']);
    const headers = { 'if-none-match': `"other", W/${etagOf(first)}` };
    const again = await app.request('/predict?index=3', { headers });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect(etagOf(again)).toBe(etagOf(first));
    expect(again.headers.get('vary')).toBe('Accept');

    const second = await bucket.publish('two');
    await bucket.moveAlias(second);
    await lookAgain(app);
    const moved = await app.request('/predict?index=3', { headers });
    expect(moved.status).toBe(200);
    expect(await moved.json()).toMatchObject({ model: { version: second } });
    expect(etagOf(moved)).not.toBe(etagOf(first));
  });

  it('distinguish images, formats and test sets', async () => {
    const ask = async (path: string, accept = '*/*') =>
      etagOf(await app.request(path, { headers: { accept } }));
    const smaller = openBucket();
    await smaller.uploadTestSet(50);
    await smaller.moveAlias(await smaller.publish('one'));
    const tags = [
      await ask('/predict?index=3'),
      await ask('/predict?index=4'),
      await ask('/predict?index=3', 'image/png'),
      await ask('/predict?index=3', 'image/svg+xml'),
      etagOf(await openApp(smaller).request('/predict?index=3')),
      await ask('/images/3.png'),
      await ask('/images/3.png?scale=2'),
      etagOf(await openApp(smaller).request('/images/3.png')),
    ];
    expect(new Set(tags).size).toBe(tags.length);
    for (const tag of tags) expect(tag).toMatch(/^"[\x21\x23-\x7e]+"$/);
    expect(await ask('/predict?index=3')).toBe(tags[0]);
  });

  it('are not needed if the URL names version and test set, because the answer is immutable', async () => {
    const { bucket, first, app } = await serving();
    const [dataset] = etagOf(await app.request('/images/3.png'))
      .slice(1)
      .split('.');
    const path = `/predict?index=3&version=${first}&dataset=${dataset}`;
    const pinned = await app.request(path);
    expect(pinned.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const second = await bucket.publish('two');
    await bucket.moveAlias(second);
    await lookAgain(app);
    const headers = { 'if-none-match': etagOf(pinned) };
    expect((await app.request(path, { headers })).status).toBe(304);
    const other = await app.request(`/predict?index=3&version=${second}`, { headers });
    expect(other.status).toBe(200);
    const random = await app.request(`/predict?version=${first}&dataset=${dataset}`);
    expect(random.headers.get('cache-control')).toBe('no-store');
  });

  it('have to be revalidated if the URL names only the version or only the test set', async () => {
    const { bucket, first, app } = await serving();
    const ofVersion = await app.request(`/predict?index=3&version=${first}`);
    expect(ofVersion.headers.get('cache-control')).toBe('no-cache');
    const [dataset] = etagOf(await app.request('/images/3.png'))
      .slice(1)
      .split('.');
    const ofDataset = await app.request(`/predict?index=3&dataset=${dataset}`);
    expect(ofDataset.headers.get('cache-control')).toBe('no-cache');
    // The answer of the version changes with the test set.
    await bucket.uploadTestSet(100, { shift: 50 });
    app.passTime(2000);
    await app.request('/predict?index=3');
    const headers = { 'if-none-match': etagOf(ofVersion) };
    const after = await app.request(`/predict?index=3&version=${first}`, { headers });
    expect(after.status).toBe(200);
    expect(await after.json()).toMatchObject({ actual: { id: testLabel(53) } });
    expect(await app.json(`/predict?index=3&dataset=${dataset}`)).toMatchObject({
      code: 'not_found',
    });
  });

  it('give a random image no ETag', async () => {
    const response = await app.request('/predict', { headers: { 'if-none-match': '*' } });
    expect(response.status).toBe(200);
    expect(response.headers.has('etag')).toBe(false);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('make an image immutable if the request names its test set', async () => {
    const open = await app.request('/images/3.png');
    expect(open.headers.get('cache-control')).toBe('no-cache');
    const [dataset] = etagOf(open).slice(1).split('.');
    const pinned = await app.request(`/images/3.png?dataset=${dataset}`);
    expect(pinned.status).toBe(200);
    expect(pinned.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const known = { headers: { 'if-none-match': etagOf(open) } };
    expect((await app.request('/images/3.png', known)).status).toBe(304);
    expect(await app.json('/images/3.png?dataset=0123')).toMatchObject({ code: 'not_found' });
  });
});

describe('HEAD', () => {
  it.each(['/predict?index=0', '/images/0.png', '/model', '/healthz', '/readyz'])(
    'answers %s as GET does, without the body',
    async (path) => {
      const head = await app.request(path, { method: 'HEAD' });
      const get = await app.request(path);
      expect([head.status, await head.text()]).toEqual([200, '']);
      const without = ({ headers }: Response) =>
        [...headers].filter(([name]) => name !== 'x-request-id' && name !== 'content-length');
      expect(without(head)).toEqual(without(get));
    },
  );
});

describe('OPTIONS', () => {
  it.each([
    ['/predict', 'GET, HEAD, OPTIONS, POST'],
    ['/images/0.png', 'GET, HEAD, OPTIONS'],
    ['/healthz', 'GET, HEAD, OPTIONS'],
  ])('lists the methods of %s', async (path, allow) => {
    const response = await app.request(path, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(response.headers.get('allow')).toBe(allow);
  });
});

describe('CORS', () => {
  const corsHeaders = ({ headers }: Response) =>
    Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')));
  const preflight = {
    method: 'OPTIONS',
    headers: {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, content-type',
    },
  };
  const from = (origin: string) => ({ headers: { origin } });

  it('is off by default', async () => {
    expect(corsHeaders(await app.request('/predict?index=0', from('https://a.example')))).toEqual(
      {},
    );
    const response = await app.request('/predict', preflight);
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
  });

  it('allows the listed origins only', async () => {
    const origins = 'https://shop.example, http://localhost:3000';
    const open = openApp(bucket, {}, { CORS_ORIGINS: origins });
    for (const path of ['/predict?index=0', '/predict?index=abc', '/nothing']) {
      const response = await open.request(path, from('https://shop.example'));
      expect(response.headers.get('vary')).toContain('Origin');
      expect(corsHeaders(response)).toEqual({
        'access-control-allow-origin': 'https://shop.example',
        'access-control-expose-headers': expect.stringContaining('X-Request-Id'),
      });
    }
    const other = await open.request('/predict?index=0', from('https://shop.example.evil.com'));
    expect(corsHeaders(other)).toEqual({});
    expect(other.headers.get('vary')).toContain('Origin');
    expect(corsHeaders(await open.request('/predict', preflight))).toMatchObject({
      'access-control-allow-origin': 'https://shop.example',
      'access-control-allow-methods': 'GET, HEAD, OPTIONS, POST',
      'access-control-allow-headers': 'authorization, content-type',
    });
  });

  it('keeps the caching headers of an answer', async () => {
    const open = openApp(bucket, {}, { CORS_ORIGINS: '*' });
    const response = await open.request('/predict?index=0', from('https://a.example'));
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('vary')).toBe('Accept');
  });

  it.each(['https://a.example/path', 'a.example', '*, https://a.example', 'https://*.example'])(
    'refuses %j as configuration',
    (origins) => {
      expect(() => openApp(bucket, {}, { CORS_ORIGINS: origins })).toThrow(/CORS_ORIGINS/);
    },
  );
});

describe('request ids', () => {
  it('are unique', async () => {
    const ids = await Promise.all(
      ['/healthz', '/healthz', '/nothing'].map(
        async (path) => (await app.request(path)).headers.get('x-request-id') ?? '',
      ),
    );
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(ids).size).toBe(3);
  });

  it('are taken from the client, and appear in the problem', async () => {
    for (const path of ['/nothing', '/predict?index=x', '/images/100.png']) {
      const headers = { 'x-request-id': 'trace-1.a_B' };
      const response = await app.request(path, { headers });
      expect(response.headers.get('x-request-id')).toBe('trace-1.a_B');
      expect(await response.json()).toMatchObject({ instance: 'trace-1.a_B' });
    }
  });

  it.each(['', 'a b', '<script>', 'x'.repeat(65), '"quoted"'])(
    'are not taken from the client if they are %j',
    async (id) => {
      const response = await app.request('/healthz', { headers: { 'x-request-id': id } });
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});

it("a problem's type leads to its description", async () => {
  const { type, code } = await app.json('/predict?index=x');
  expect([type, code]).toEqual(['/problems#bad_index', 'bad_index']);
});
