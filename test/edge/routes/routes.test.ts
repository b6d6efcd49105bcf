import { decode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../edge/store/published.ts';
import { manifestSchema } from '../../../shared/registry/manifest.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
let version: string;
beforeAll(async () => {
  version = await bucket.publish('one');
  await bucket.moveAlias(version);
  await bucket.uploadTestSet();
  app = openApp(bucket);
});

describe('GET /images/N.png', () => {
  it('is the test image, bit for bit', async () => {
    for (const index of [0, 1, 99]) {
      const response = await app.request(`/images/${index}.png`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('image/png');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      const { width, height, channels, data } = decode(await response.arrayBuffer());
      expect({ width, height, channels }).toEqual({ width: 28, height: 28, channels: 1 });
      expect(data).toEqual(testImage(index));
    }
  });

  it('repeats its pixels with ?scale=', async () => {
    const response = await app.request('/images/7.png?scale=3');
    const { width, height, data } = decode(await response.arrayBuffer());
    expect([width, height]).toEqual([84, 84]);
    const pixels = testImage(7);
    for (let y = 0; y < 84; y++) {
      for (let x = 0; x < 84; x++) {
        const source = Math.floor(y / 3) * 28 + Math.floor(x / 3);
        if (data[y * 84 + x] !== pixels[source]) throw new Error(`Differs at ${x}, ${y}.`);
      }
    }
  });

  it.each([
    ['/images/100.png', 404, 'index_out_of_range'],
    ['/images/-1.png', 400, 'bad_index'],
    ['/images/abc.png', 400, 'bad_index'],
    ['/images/0.jpg', 404, 'not_found'],
    ['/images/0.png?scale=0', 400, 'bad_parameter'],
    ['/images/0.png?scale=21', 400, 'bad_parameter'],
    ['/images/0.png?scale=1.5', 400, 'bad_parameter'],
    ['/images/0.png?scale=', 400, 'bad_parameter'],
  ])('refuses %s', async (path, status, code) => {
    expect(await app.json(path)).toMatchObject({ status, code });
  });
});

describe('GET /model', () => {
  it('returns the served manifest and its alias', async () => {
    const { manifest, alias } = await app.json('/model');
    expect(manifestSchema.parse(manifest)).toEqual(manifest);
    expect(manifest.version).toBe(version);
    expect(alias).toEqual({
      name: 'production',
      version,
      updatedAt: '2026-11-24T10:15:00Z',
      previous: null,
    });
  });
});

describe('GET /models/:version/:file', () => {
  it('returns the published file as immutable', async () => {
    const response = await app.request(`/models/${version}/weights.bin`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const { manifest } = await app.json('/model');
    const [file] = manifest.files.filter(({ path }: { path: string }) => path === 'weights.bin');
    expect(await sha256(new Uint8Array(await response.arrayBuffer()))).toBe(file.sha256);
    expect(await app.json(`/models/${version}/manifest.json`)).toEqual(manifest);
    expect((await app.json(`/models/${version}/model.json`)).format).toBe('layers-model');
  });

  it('returns the evaluation that a manifest names', async () => {
    const { layout, bucket: objects } = bucket;
    const bytes = Uint8Array.from(new TextEncoder().encode('{"images":1}'));
    const hash = await sha256(bytes);
    const evaluated = await bucket.publish('two', {
      manifest: (manifest) => ({
        ...manifest,
        evaluation: { path: 'evaluation.json', bytes: bytes.length, sha256: hash },
      }),
    });
    const key = layout.versionFile('fashion-mnist-cnn', evaluated, 'evaluation.json');
    await objects.put(key, bytes);
    expect(await app.json(`/models/${evaluated}/evaluation.json`)).toEqual({ images: 1 });
  });

  it.each([
    ['altered', 'weights.bin', (bytes: Uint8Array) => bytes.fill(0, 0, 4), 'corrupt'],
    ['longer', 'weights.bin', (bytes: Uint8Array) => [...bytes, 0], 'too large'],
    [
      'shorter',
      'model.json',
      (bytes: Uint8Array) => bytes.slice(1),
      'bytes, but its manifest says',
    ],
    ['missing', 'model.json', () => null, 'lacks'],
  ])('never returns a file that is %s', async (_, file, change, reason) => {
    const altered = openBucket();
    const damaged = await altered.publish('one');
    const key = altered.layout.versionFile('fashion-mnist-cnn', damaged, file);
    const bytes = new Uint8Array((await (await altered.bucket.get(key))?.arrayBuffer()) ?? []);
    const changed = change(bytes);
    if (changed) await altered.bucket.put(key, Uint8Array.from(changed));
    else await altered.bucket.delete(key);
    const response = await openApp(altered).request(`/models/${damaged}/${file}`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toMatchObject({
      status: 503,
      code: 'bad_model',
      detail: expect.stringContaining(reason),
    });
  });

  it('refuses files that do not belong to a version', async () => {
    const key = bucket.layout.versionFile('fashion-mnist-cnn', version, 'secret.txt');
    await bucket.bucket.put(key, 'not listed');
    for (const path of [
      `/models/${version}/secret.txt`,
      `/models/${version}/evaluation.json`,
      `/models/${version}/..%2F${version}%2Fweights.bin`,
      '/models/production/weights.bin',
    ]) {
      expect(await app.json(path)).toMatchObject({ status: 404, code: 'not_found' });
    }
  });
});

describe('health', () => {
  it('is live and ready', async () => {
    expect(await app.json('/healthz')).toEqual({ status: 'ok' });
    expect(await app.json('/readyz')).toEqual({
      status: 'ready',
      model: { name: 'fashion-mnist-cnn', version, alias: 'production' },
      failure: null,
      stockLayers: [],
      degraded: false,
      versionsInMemory: [version],
    });
  });

  it('is never cached', async () => {
    for (const path of ['/healthz', '/readyz', '/model']) {
      expect((await app.request(path)).headers.get('cache-control')).toBe('no-store');
    }
  });
});

describe('an unknown path or method', () => {
  it.each(['/nothing', '/predict/0', '/images'])('answers 404 to %s', async (path) => {
    const response = await app.request(path);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      code: 'not_found',
      detail: expect.stringContaining(path),
    });
  });

  it.each([
    ['DELETE', '/predict', 'GET, HEAD, OPTIONS, POST'],
    ['PUT', '/predict', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/model', 'GET, HEAD, OPTIONS'],
    ['POST', '/images/0.png', 'GET, HEAD, OPTIONS'],
    ['POST', '/healthz', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/readyz', 'GET, HEAD, OPTIONS'],
  ])('answers 405 to %s %s', async (method, path, allow) => {
    const response = await app.request(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    expect(await response.json()).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  it('answers HEAD as GET, without a body', async () => {
    const response = await app.request('/healthz', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});
