import { beforeAll, describe, expect, it, vi } from 'vitest';
import { checkJsonBounds } from '../../../edge/input/json.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
const [first, second] = ['a-first-token-of-the-tests', 'c2Vjb25kLXRva2VuLW9m/dGVzdHM='];
beforeAll(async () => {
  await bucket.uploadTestSet();
  await bucket.moveAlias(await bucket.publish('one'));
});

const send = (app: TestApp, path: string, authorization?: string, method = 'POST') =>
  app.request(path, {
    method,
    ...(method === 'POST' ? { body: testImage(0) } : {}),
    headers: authorization === undefined ? {} : { authorization },
  });

describe('tokens', () => {
  const open = () => openApp(bucket, {}, { API_TOKENS: `shop:${first}\n ${second},` });

  it('are not required by default', async () => {
    const app = openApp(bucket);
    expect((await send(app, '/predict')).status).toBe(200);
    expect((await send(app, '/metrics', undefined, 'GET')).status).toBe(200);
  });

  it('authorize POST requests; several can be valid', async () => {
    const app = open();
    for (const authorization of [`Bearer ${first}`, `bearer ${second}`, `Bearer  ${first} `]) {
      expect((await send(app, '/predict', authorization)).status).toBe(200);
    }
  });

  it.each([
    undefined,
    '',
    'Bearer',
    `Basic ${first}`,
    first,
    `Bearer ${first}x`,
    `Bearer ${first.slice(0, -1)}`,
    `Bearer shop:${first}`,
    `Bearer ${first} ${first}`,
    'Bearer undefined',
  ])('refuse %j before the body is read', async (authorization) => {
    const app = open();
    const response = await app.request('/predict', {
      method: 'POST',
      headers: authorization === undefined ? {} : { authorization },
      body: 'no image at all',
    });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer realm="catwalk"/);
    expect(await response.json()).toMatchObject({
      code: 'unauthorized',
      instance: expect.any(String),
    });
  });

  it('protect the routes that clients use, and leave the others open', async () => {
    const app = open();
    expect((await send(app, '/metrics', undefined, 'GET')).status).toBe(401);
    expect((await send(app, '/metrics', undefined, 'HEAD')).status).toBe(401);
    expect((await send(app, '/metrics', `Bearer ${second}`, 'GET')).status).toBe(200);
    for (const path of ['/predict?index=0', '/images/0.png', '/model', '/healthz', '/readyz']) {
      expect((await send(app, path, undefined, 'GET')).status).toBe(200);
      expect((await send(app, path, 'Bearer wrong', 'GET')).status).toBe(200);
    }
    expect((await send(app, '/predict', undefined, 'OPTIONS')).status).toBe(204);
  });

  it.each([
    ['short-token', 'fewer than 16'],
    [`sh op!:${first}`, 'name'],
    [`${first}"`, 'character'],
    [`${first},too-short`, 'Token 2'],
  ])('are refused as invalid configuration without being named: %j', (tokens, why) => {
    const opening = () => openApp(bucket, {}, { API_TOKENS: tokens });
    expect(opening).toThrow(new RegExp(`API_TOKENS|${why}`));
    expect(opening).toThrow(why);
    expect(opening).not.toThrow(first);
  });
});

describe('the rate limit', () => {
  /** A limiter like Cloudflare's: a number of requests per key. */
  function limiter(most: number) {
    const asked = new Map<string, number>();
    return {
      asked,
      limit: async ({ key }: RateLimitOptions) => {
        asked.set(key, (asked.get(key) ?? 0) + 1);
        return { success: (asked.get(key) ?? 0) <= most };
      },
    };
  }

  it('answers 429 to too many requests of one address or token', async () => {
    const RATE_LIMITER = limiter(2);
    const app = openApp(bucket, { bindings: { RATE_LIMITER } }, { API_TOKENS: `shop:${first}` });
    const ask = async (headers: Record<string, string>) => {
      const response = await app.request('/predict?index=0', { headers });
      return [response.status, response.headers.get('retry-after')];
    };
    const one = { 'cf-connecting-ip': '192.0.2.1' };
    expect(await ask(one)).toEqual([200, null]);
    expect(await ask({ ...one, authorization: 'Bearer guess' })).toEqual([200, null]);
    expect(await ask({ ...one, authorization: 'Bearer guess2' })).toEqual([429, '10']);
    expect(await ask({ 'cf-connecting-ip': '192.0.2.2' })).toEqual([200, null]);
    expect(await ask({ ...one, authorization: `Bearer ${first}` })).toEqual([200, null]);
    expect([...RATE_LIMITER.asked.keys()]).toEqual([
      'address:192.0.2.1',
      'address:192.0.2.2',
      'token:shop',
    ]);
    expect(await app.json('/predict?index=0', { headers: one })).toMatchObject({
      code: 'too_many_requests',
    });
  });

  it('counts the addresses of an IPv6 network as one client', async () => {
    const RATE_LIMITER = limiter(100);
    const app = openApp(bucket, { bindings: { RATE_LIMITER } });
    const addresses = [
      '2001:db8:0:7::1',
      '2001:DB8:0:7:ffff:ffff:ffff:ffff',
      '2001:db8:0:8::1',
      '::1',
      '::ffff:192.0.2.1',
      '192.0.2.1',
      'no:address',
    ];
    for (const address of addresses) {
      await app.request('/predict?index=0', { headers: { 'cf-connecting-ip': address } });
    }
    expect(Array.from(RATE_LIMITER.asked)).toEqual([
      ['address:2001:db8:0:7::/64', 2],
      ['address:2001:db8:0:8::/64', 1],
      ['address:0:0:0:0::/64', 1],
      ['address:::ffff:c000:201', 1],
      ['address:192.0.2.1', 1],
      ['address:no:address', 1],
    ]);
  });

  it('believes only the configured header with an address', async () => {
    const RATE_LIMITER = limiter(100);
    for (const header of ['none', 'X-Real-IP']) {
      const variables = { CLIENT_ADDRESS_HEADER: header };
      const app = openApp(bucket, { bindings: { RATE_LIMITER } }, variables);
      for (const forged of ['198.51.100.1', '198.51.100.2']) {
        const headers = { 'cf-connecting-ip': forged, 'x-real-ip': '192.0.2.1' };
        await app.request('/predict?index=0', { headers });
      }
    }
    expect(Array.from(RATE_LIMITER.asked)).toEqual([
      ['address:unknown', 2],
      ['address:192.0.2.1', 2],
    ]);
  });

  it('does not count probes, scrapes and preflights', async () => {
    const RATE_LIMITER = limiter(0);
    const app = openApp(bucket, { bindings: { RATE_LIMITER } });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await app.request(path)).status).toBe(200);
    }
    expect((await app.request('/predict', { method: 'OPTIONS' })).status).toBe(204);
    expect(RATE_LIMITER.asked.size).toBe(0);
  });

  it('admits everybody if the limiter fails', async () => {
    const limit = vi.fn(() => Promise.reject(new Error('down')));
    const app = openApp(bucket, { bindings: { RATE_LIMITER: { limit } } });
    expect((await app.request('/predict?index=0')).status).toBe(200);
    expect(limit).toHaveBeenCalledOnce();
  });
});

describe('JSON', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const rows = (value: string) => `[${Array(28).fill(`[${Array(28).fill(value)}]`)}]`;

  it.each([
    ['arrays', '['.repeat(100_000)],
    ['objects', '{"pixels":'.repeat(50_000)],
    ['both, closed again', `${'[{"image":'.repeat(5000)}1${'}]'.repeat(5000)}`],
    ['deep within an image', `{"images":[${'['.repeat(9)}${']'.repeat(9)}]}`],
    ['many arrays', `[${'[],'.repeat(250_001)}[]]`],
    ['many values', `[${'0,'.repeat(1_000_001)}0]`],
    ['many names', `{${Array.from({ length: 900_000 }, (_, i) => `"${i}":0`)}}`],
    ['many strings', `[${'"ab",'.repeat(10_001)}0]`],
  ])('of %s is refused before it is parsed', async (_, json) => {
    const app = openApp(bucket);
    const parse = vi.spyOn(JSON, 'parse');
    const response = await app.post(json, 'application/json');
    const parsed = parse.mock.calls.some(([text]) => text === json);
    parse.mockRestore();
    expect([response.status, parsed]).toEqual([400, false]);
    expect(await response.json()).toMatchObject({ code: 'bad_json' });
  });

  it.each([
    ['64 images in rows', `{"images":[${Array(64).fill(`{"pixels":${rows('0.5')}}`)}]}`],
    ['64 with a channel a pixel', `{"instances":[${Array(64).fill(rows('[0.5]'))}]}`],
    ['brackets in strings', JSON.stringify({ image: '[{"\\'.repeat(10_000) })],
    ['escapes before a quote', '["\\\\","\\"[[[[[[[[[[[[","\\\\\\"{{{{{{{{{{{{"]'],
    ['an open string', '["[[[[[[[[[[[['],
  ])('of %s is left to the parser', (_, json) => {
    expect(() => checkJsonBounds(bytes(json))).not.toThrow();
  });
});
