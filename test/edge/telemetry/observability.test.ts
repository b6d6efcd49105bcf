import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';
import { lookAgain, serving } from '../../support/edge/serving.ts';

const bucket = openBucket();
let version: string;
beforeAll(async () => {
  await bucket.uploadTestSet();
  version = await bucket.publish('one');
  await bucket.moveAlias(version);
});
afterEach(() => vi.restoreAllMocks());

/** @returns each sample's value by its name and labels */
async function scrape(app: TestApp): Promise<{ text: string; values: Record<string, number> }> {
  const text = await (await app.request('/metrics')).text();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const values = samples.map((line) => {
    const space = line.lastIndexOf(' ');
    return [line.slice(0, space), Number(line.slice(space + 1))];
  });
  return { text, values: Object.fromEntries(values) };
}

describe('GET /metrics', () => {
  it('is in the text format, with a description of each metric', async () => {
    const app = openApp(bucket);
    await app.request('/predict?index=0');
    const response = await app.request('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const lines = (await response.text()).split('\n');
    expect(lines.pop()).toBe('');
    let name = '';
    for (const line of lines) {
      const help = /^# HELP (catwalk_[a-z_]+) .*isolate only/.exec(line);
      if (help) name = help[1] as string;
      else if (line.startsWith('#')) {
        expect(line).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`));
      } else {
        expect(line).toMatch(
          new RegExp(`^${name}(_bucket|_sum|_count)?(\\{([a-z]+="[^"]*",?)+\\})? [0-9.e+-]+$`),
        );
      }
    }
  });

  it('counts requests by method, route and status, with no label that a client chooses', async () => {
    const app = openApp(bucket);
    await app.request('/predict?index=0');
    await app.request('/predict?index=1');
    await app.request('/predict?index=0', { method: 'HEAD' });
    await app.request('/predict?index=x');
    await app.request('/predict', { method: 'PUT' });
    await app.post(testImage(0));
    await app.request('/images/3.png');
    await app.request('/images/4.png');
    await app.request('/wp-admin');
    await app.request('/.env');
    const { values } = await scrape(app);
    const requests = Object.entries(values).filter(([key]) => key.startsWith('catwalk_requests'));
    const key = (method: string, route: string, status: number) =>
      `catwalk_requests_total{method="${method}",route="${route}",status="${status}"}`;
    expect(Object.fromEntries(requests)).toEqual({
      [key('GET', '/predict', 200)]: 2,
      [key('HEAD', '/predict', 200)]: 1,
      [key('GET', '/predict', 400)]: 1,
      [key('other', '/predict', 405)]: 1,
      [key('POST', '/predict', 200)]: 1,
      [key('GET', '/images/:file', 200)]: 2,
      [key('GET', 'none', 404)]: 2,
    });
  });

  it('has a histogram of the time spent waiting', async () => {
    let time = 0;
    const app = openApp(bucket, { now: () => time });
    await app.request('/predict?index=0');
    const response = app.request('/readyz');
    time = 3;
    expect((await response).headers.get('server-timing')).toBe('io;dur=3');
    const { values } = await scrape(app);
    const bucketOf = (le: string) =>
      values[`catwalk_request_duration_seconds_bucket{route="/readyz",le="${le}"}`];
    expect([bucketOf('0.002'), bucketOf('0.005'), bucketOf('10'), bucketOf('+Inf')]).toEqual([
      0, 1, 1, 1,
    ]);
    expect(values['catwalk_request_duration_seconds_sum{route="/readyz"}']).toBe(0.003);
    expect(values['catwalk_request_duration_seconds_count{route="/readyz"}']).toBe(1);
  });

  it('counts predictions by version and label', async () => {
    const app = openApp(bucket);
    const said: string[] = [];
    for (const index of [0, 1, 2, 0]) {
      said.push((await app.json(`/predict?index=${index}`)).predicted.label);
    }
    const { predictions } = await (
      await app.post(JSON.stringify({ images: [Array(784).fill(0), [1], Array(784).fill(0)] }))
    ).json<{ predictions: { predicted?: { label: string } }[] }>();
    const { values } = await scrape(app);
    const count = (images: string, label: string) =>
      values[`catwalk_predictions_total{version="${version}",images="${images}",label="${label}"}`];
    for (const label of new Set(said)) {
      expect(count('indexed', label)).toBe(said.filter((each) => each === label).length);
    }
    expect(count('posted', predictions[0]?.predicted?.label ?? '')).toBe(2);
  });

  it('counts loads, swaps and failures, and names the version that answers', async () => {
    const { bucket, first, app } = await serving();
    const second = await bucket.publish('two');
    await bucket.moveAlias(second);
    await lookAgain(app);
    const broken = await bucket.publish('one', {
      createdAt: new Date('2026-11-24T11:00:00Z'),
      damage: { 'weights.bin': new ArrayBuffer(8) },
    });
    await bucket.moveAlias(broken);
    await lookAgain(app);
    const { text, values } = await scrape(app);
    expect(values).toMatchObject({
      'catwalk_model_loads_total{outcome="ok"}': 2,
      'catwalk_model_loads_total{outcome="failed"}': 1,
      catwalk_model_swaps_total: 1,
    });
    expect(text).toMatch(new RegExp(`catwalk_model_info\\{.*version="${second}".*\\} 1\n`));
    expect(text).toMatch(/^catwalk_model_failing(\{.*\})? 1$/m);
    expect(text).not.toContain(`model_info{name="fashion-mnist-cnn",version="${first}"`);
  });
});

describe('the log', () => {
  const logged: string[] = [];
  const lines = () => logged.map((line) => JSON.parse(line));
  const listen = () => {
    logged.length = 0;
    for (const level of ['info', 'warn', 'error'] as const) {
      vi.spyOn(console, level).mockImplementation((line) => void logged.push(line));
    }
  };

  it('has one line per request, without body, query or token', async () => {
    listen();
    const token = 'a-token-of-the-tests';
    const variables = { LOG_LEVEL: 'info', API_TOKENS: `shop:${token}` };
    const app = openApp(bucket, {}, variables);
    const headers = { authorization: `Bearer ${token}`, 'x-request-id': 'mine' };
    await app.request('/predict?index=000012', { headers });
    await app.request('/predict?invert=5678', { method: 'POST', body: 'private', headers });
    await app.request('/private/path');
    const [ok, bad, absent] = [
      ...lines().filter(({ status }) => status === 200),
      ...lines().filter(({ status }) => status === 400),
      ...lines().filter(({ status }) => status === 404),
    ];
    expect(lines()).toHaveLength(3);
    expect(ok).toMatchObject({
      level: 'info',
      requestId: 'mine',
      method: 'GET',
      route: '/predict',
      status: 200,
      outcome: 'ok',
      client: 'shop',
      milliseconds: 0,
      time: '2026-11-24T12:00:00.000Z',
    });
    expect(bad).toMatchObject({ level: 'warn', outcome: 'bad_parameter', method: 'POST' });
    expect(absent).toMatchObject({ level: 'warn', outcome: 'not_found', route: 'none' });
    expect(JSON.stringify(lines())).not.toMatch(/000012|5678|private|a-token/);
  });

  it.each([
    ['off', []],
    ['error', [503]],
    ['warn', [404, 503]],
    ['info', [200, 404, 503]],
  ])('at level %s has the statuses %j', async (level, statuses) => {
    listen();
    const app = openApp(openBucket(), {}, { LOG_LEVEL: level });
    for (const path of ['/healthz', '/nothing', '/predict?index=0']) await app.request(path);
    expect(
      lines()
        .map(({ status }) => status)
        .sort(),
    ).toEqual(statuses);
  });
});

it('writes a data point per prediction and request if Analytics Engine is bound', async () => {
  const points: AnalyticsEngineDataPoint[] = [];
  const ANALYTICS = { writeDataPoint: (point = {}) => void points.push(point) };
  const app = openApp(bucket, { bindings: { ANALYTICS } });
  const { predicted } = await app.json('/predict?index=0');
  await app.post(testImage(0));
  await app.request('/predict?index=x');
  const ofRequest = (of: string, outcome: string) => ({
    blobs: [of, '', outcome, '/predict', ''],
    doubles: [0, 0],
    indexes: [''],
  });
  expect(points).toEqual([
    ...['indexed', 'posted'].flatMap((of) => [
      {
        blobs: [version, predicted.label, 'ok', of, 'fashion-mnist-cnn'],
        doubles: [predicted.probability],
        indexes: [version],
      },
      ofRequest(version, 'ok'),
    ]),
    ofRequest('', 'bad_index'),
  ]);
});
