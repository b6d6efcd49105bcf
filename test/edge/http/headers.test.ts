import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
beforeAll(async () => {
  await bucket.uploadTestSet();
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
});

const post = (path: string, body: BodyInit) => app.request(path, { method: 'POST', body });

describe('the headers of every answer', () => {
  it.each([
    ['GET', '/predict?index=0'],
    ['GET', '/images/0.png'],
    ['GET', '/metrics'],
    ['GET', '/nothing'],
    ['GET', '/v2'],
    ['HEAD', '/model'],
    ['DELETE', '/predict'],
    ['OPTIONS', '/predict'],
    ['POST', '/v1/models/x:predict'],
  ])(
    'of %s %s keep browsers from guessing types and from running anything',
    async (method, path) => {
      const { headers } = await app.request(path, { method });
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; frame-ancestors 'none'; sandbox",
      );
    },
  );

  it('let an SVG show the picture that it contains, and no more', async () => {
    const { headers } = await app.request('/predict?index=0', {
      headers: { accept: 'image/svg+xml' },
    });
    expect(headers.get('content-type')).toMatch(/^image\/svg\+xml/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; frame-ancestors 'none'; sandbox; img-src data:; style-src 'unsafe-inline'",
    );
  });
});

describe('errors', () => {
  const long = 'ü\u0001'.repeat(2000);
  const written = encodeURIComponent(long);

  it.each([
    `/predict?index=${written}`,
    `/predict?index=0&alias=${written}`,
    `/predict?index=0&version=${written}`,
    `/images/${written}.png`,
    `/images/0.png?dataset=${written}`,
    `/models/${written}/model.json`,
    `/${written}`,
    `/v1/models/${written}`,
    `/v2/models/${written}`,
    `/v2/${written}`,
  ])('repeat at most 1,000 bytes of a request', async (path) => {
    const { detail, error, status } = await app.json(path);
    expect(status ?? 400).toBeGreaterThanOrEqual(400);
    expect(new TextEncoder().encode(detail ?? error).length).toBeLessThanOrEqual(1000);
    expect(detail ?? error).not.toMatch(/\p{Cc}/u);
  });

  it('repeat at most 1,000 bytes of a body', async () => {
    for (const [path, body] of [
      ['/predict', JSON.stringify({ images: [long] })],
      ['/predict', JSON.stringify(long)],
      ['/v1/models/fashion-mnist-cnn:predict', JSON.stringify({ signature_name: long })],
      ['/v2/models/fashion-mnist-cnn/infer', JSON.stringify({ inputs: [inputNamed(long)] })],
    ] as const) {
      const text = await (await post(path, body)).text();
      expect(text.length).toBeLessThan(1500);
    }
  });

  const inputNamed = (name: string) => ({ name, shape: [1, 784], datatype: 'UINT8', data: [] });

  it('list at most five faults of JSON, and check the length of a list first', async () => {
    const infer = async (inputs: unknown[]) => {
      const response = await post('/v2/models/fashion-mnist-cnn/infer', JSON.stringify({ inputs }));
      return { status: response.status, error: (await response.json<{ error: string }>()).error };
    };
    const few = await infer(Array(16).fill({}));
    expect(few.status).toBe(400);
    expect(few.error.match(/✖/g)).toHaveLength(5);
    expect(few.error).toContain('… and 43 more');
    const many = await infer(Array(90_000).fill(0));
    expect(many.status).toBe(400);
    expect(many.error.match(/✖/g)).toHaveLength(1);
    expect(many.error).toContain('at most 16');
    const shape = Array(90_000).fill(-1);
    expect((await infer([{ ...inputNamed('images'), shape }])).error).toContain('at most 16');
  });

  it('refuse too many rows before checking them', async () => {
    const rows = JSON.stringify({ instances: Array(90_000).fill(null) });
    const response = await post('/v1/models/fashion-mnist-cnn:predict', rows);
    expect([response.status, await response.json()]).toEqual([
      413,
      { error: '90000 images in one request; the maximum is 64.' },
    ]);
  });

  it('refuse more than 10 MiB of JSON before it is parsed', async () => {
    const body = JSON.stringify('A'.repeat(10 * 2 ** 20));
    const response = await app.post(body, 'application/json');
    expect(await response.json()).toMatchObject({ status: 413, code: 'body_too_large' });
  });
});

describe('base64', () => {
  const bytes = testImage(0);
  const base64 = btoa(String.fromCharCode(...bytes));

  it('is read in both alphabets, with and without padding, in lines', async () => {
    const expected = await app.json('/predict', { method: 'POST', body: bytes });
    const lines = base64.replace(/.{76}/g, '$&\n');
    const url = base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    for (const text of [base64, lines, url, base64.replaceAll('=', '')]) {
      expect(await (await app.post(JSON.stringify(text), 'application/json')).json()).toEqual(
        expected,
      );
    }
  });
});
