import { decode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
beforeAll(async () => {
  await bucket.uploadTestSet();
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
});

describe('content negotiation', () => {
  const ask = (accept: string, path = '/predict?index=0') =>
    app.request(path, { headers: { accept } });

  it.each([
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['', 'application/json'],
    ['text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', 'application/json'],
    ['image/png', 'image/png'],
    ['IMAGE/PNG; q=0.5', 'image/png'],
    ['image/svg+xml', 'image/svg+xml'],
    ['image/*', 'image/svg+xml'],
    ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'image/svg+xml'],
    ['image/svg+xml;q=0.1, image/png;q=0.2, application/json;q=0.15', 'image/png'],
    ['application/json;q=0, */*', 'image/svg+xml'],
    ['image/svg+xml;q=0, image/*', 'image/png'],
  ])('to %j is %s', async (accept, type) => {
    const response = await ask(accept);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('vary')).toBe('Accept');
  });

  it.each(['text/html', 'application/json;q=0', 'image/jpeg, image/webp', 'image/png;q=2'])(
    'refuses %j',
    async (accept) => {
      const response = await ask(accept);
      expect(response.status).toBe(406);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ code: 'not_acceptable' });
    },
  );

  it('draws an SVG with the titled image and no external resource', async () => {
    const { predicted, actual } = await app.json('/predict?index=5');
    const svg = await (await ask('image/svg+xml', '/predict?index=5')).text();
    expect(svg).toContain(`>Predicted: ${predicted.label}, Actual: ${actual.label}</text>`);
    const [, base64 = ''] = /href="data:image\/png;base64,([^"]+)"/.exec(svg) ?? [];
    const { width, data } = decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
    expect(width).toBe(28);
    expect(data).toEqual(testImage(5));
  });

  it('escapes labels', async () => {
    const evil = openBucket();
    const labels = fashionMnistCnn.labels.map((label, id) => `<script>&"${id}${label}`);
    await evil.uploadTestSet(100, { changes: { labels } });
    const version = await evil.publish('one', {
      manifest: (manifest) => ({ ...manifest, model: { ...manifest.model, labels } }),
    });
    await evil.moveAlias(version);
    const headers = { accept: 'image/svg+xml' };
    const svg = await (await openApp(evil).request('/predict?index=0', { headers })).text();
    expect(svg).toContain('&lt;script&gt;&amp;&quot;');
    expect(svg).not.toContain('<script');
  });

  it('draws a PNG with the image beneath its title', async () => {
    const png = decode(await (await ask('image/png', '/predict?index=5')).arrayBuffer());
    expect(png).toMatchObject({ channels: 1, depth: 8 });
    const at = (x: number, y: number) => png.data[y * png.width + x];
    // The title's ink is above the image, whose pixels are squares of 12.
    const ink = png.data.subarray(0, 24 * png.width).filter((value) => value === 0).length;
    expect(ink).toBeGreaterThan(200);
    const left = (png.width - 336) / 2;
    for (const [x, y] of [
      [14, 14],
      [3, 20],
      [25, 9],
    ] as const) {
      expect(at(left + 12 * x + 6, 32 + 12 * y + 6)).toBe(testImage(5)[y * 28 + x]);
    }
  });
});
