/** A bucket that accepts requests and never answers, over real HTTP: the deployment's snapshot must answer soon. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { writeSnapshot } from '../../infra/snapshot/write-snapshot.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { type Bundle, bundleProduction } from '../bench/edge/bundle.ts';
import { type OpenWorker, openWorker } from '../bench/edge/open-worker.ts';
import { type PublishedVersions, publishVersions } from '../load/publish-versions.ts';
import { type FaultProxy, startFaultProxy } from '../support/s3/fault-proxy.ts';

const { name } = fashionMnistCnn;
let folder: string;
let bundle: Bundle;
let server: LocalWorker;
let proxy: FaultProxy;
/** Of the snapshot, and of the bucket. */
let carried = '';
let current = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-silent-'));
  bundle = await bundleProduction(join(folder, 'bundle'));
  server = await startLocalWorker({ port: 0, persistTo: join(folder, 'bucket') });
  proxy = await startFaultProxy(server.s3Endpoint);
  const published = await publishVersions(server.env, [1, 2]);
  [carried = '', current = ''] = published.versions;
  await pointTo(published, carried);
  await writeSnapshot({
    read: async (key) => (await published.bucket.get(key))?.bytes ?? null,
    prefix: '',
    model: name,
    alias: 'production',
    dataset: 'fashion-mnist',
    folder: join(folder, 'assets/snapshot'),
    images: 50,
  });
  await pointTo(published, current);
});
afterAll(async () => {
  await proxy?.stop();
  await server?.stop();
  await rm(folder, { recursive: true });
});

const pointTo = ({ bucket }: PublishedVersions, version: string) =>
  moveAlias(bucket, { name, alias: 'production', version, action: 'promote', by: 'the test' });

/** Uses a new isolate, whose bucket is silent. */
async function withSilentBucket<Result>(
  use: (worker: OpenWorker) => Promise<Result>,
  variables: Record<string, string> = {},
): Promise<Result> {
  proxy.plan(() => ({ kind: 'silence' }));
  const worker = await openWorker({
    bundle,
    folder,
    ownAssets: join(folder, 'assets'),
    variables: {
      ...server.env,
      S3_BUCKET: 'catwalk',
      AWS_ENDPOINT_URL: proxy.endpoint,
      LOG_LEVEL: 'off',
      ...variables,
    },
  });
  try {
    return await use(worker);
  } finally {
    await worker.close();
  }
}

const canary = { CANARY_ALIAS: 'candidate', CANARY_PERCENT: '100' };

/** A wait of a second for the bucket, and the load of the snapshot on a busy machine. A read of the bucket is given up later. */
const soon = 3500;

it.each([
  ['a prediction', () => '/predict?index=3', {}],
  ['a prediction for a client of the canary', () => '/predict?index=3', canary],
  ['the version that the deployment carries', () => `/predict?index=3&version=${carried}`, {}],
  ['a file of that version', () => `/models/${carried}/model.json`, {}],
])('a new isolate answers %s from the snapshot, soon', async (_, path, variables) => {
  await withSilentBucket(async ({ url }) => {
    const from = performance.now();
    const response = await fetch(url + path());
    const body = await response.text();
    expect(performance.now() - from).toBeLessThan(soon);
    expect(response.status, body).toBe(200);
    if (path().startsWith('/predict')) {
      expect(JSON.parse(body)).toMatchObject({ model: { version: carried } });
    }
  }, variables);
});

it("does not hammer the bucket, and moves to the bucket's version within 10 s of its return", async () => {
  await withSilentBucket(async ({ url }) => {
    const ask = async () => (await (await fetch(`${url}/predict?index=3`)).json()).model;
    const answers = await Promise.all(Array.from({ length: 64 }, ask));
    for (const model of answers) expect(model).toMatchObject({ version: carried });
    // The default alias, the canary's and the test set, whatever the number of requests.
    expect(proxy.requests()).toBeLessThanOrEqual(3);
    // Until the first reads are given up, and others hang.
    await wait(5000);
    for (let request = 0; request < 20; request++) await ask();
    await wait(2500);
    for (let request = 0; request < 20; request++) {
      expect(await ask()).toMatchObject({ version: carried, source: 'snapshot' });
    }
    expect(proxy.requests()).toBeLessThanOrEqual(6);

    proxy.plan(() => null);
    const from = performance.now();
    let model = await ask();
    while (model.version !== current && performance.now() - from < 10_000) {
      await wait(50);
      model = await ask();
    }
    expect(model).toEqual({ name, version: current, alias: 'production' });
  }, canary);
});
