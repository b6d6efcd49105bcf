/** An audit: no secret of a Worker appears in its answers, logs or files, whatever is requested and whatever fails. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import type { Dataset } from '../../trainer/data/dataset.ts';
import { openBucket } from '../../trainer/registry/bucket.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { publishVersion } from '../../trainer/registry/publish-version.ts';
import { uploadTestSet } from '../../trainer/registry/test-set.ts';
import { type Bundle, bundleProduction } from '../bench/edge/bundle.ts';
import { openWorker } from '../bench/edge/open-worker.ts';
import { firstTestImages } from '../support/datasets/test-images.ts';
import { bodies, gets, posts } from '../support/edge/every-request.ts';
import { trainedModel } from '../support/models/trained-model.ts';
import { secretFinder } from '../support/secret-forms.ts';
import { sample } from '../support/vitest/sample.ts';

const random = () => randomBytes(24).toString('base64url').replace(/[-_]/g, 'x');
const secrets = {
  token: random(),
  otherToken: random(),
  accessKeyId: random(),
  secretAccessKey: random(),
  sessionToken: random(),
  feedbackSecret: random(),
};
const findSecrets = secretFinder(secrets);

let folder: string;
let bundle: Bundle;
let store: LocalWorker;
let variables: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-secrets-'));
  [bundle, store] = await Promise.all([bundleProduction(join(folder, 'bundle')), startStore()]);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const environment = {
    ...store.env,
    AWS_ACCESS_KEY_ID: secrets.accessKeyId,
    AWS_SECRET_ACCESS_KEY: secrets.secretAccessKey,
  };
  const bucket = openBucket({ url: 's3://catwalk', environment });
  await uploadTestSet(bucket, await testSet());
  const model = await trainedModel(1, 0.9);
  const { version } = await publishVersion(bucket, { ...model, signingKey: privateKey });
  const { name } = fashionMnistCnn;
  const move = { name, alias: 'production', version, signingKey: privateKey } as const;
  await moveAlias(bucket, { ...move, action: 'publish', by: 'a test' });
  variables = {
    S3_BUCKET: 'catwalk',
    AWS_ENDPOINT_URL: store.s3Endpoint,
    AWS_ACCESS_KEY_ID: secrets.accessKeyId,
    AWS_SECRET_ACCESS_KEY: secrets.secretAccessKey,
    API_TOKENS: `shop:${secrets.token}\n${secrets.otherToken}`,
    MODEL_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    CORS_ORIGINS: 'https://shop.example',
    FEEDBACK: 'on',
    FEEDBACK_SECRET: secrets.feedbackSecret,
    LOG_LEVEL: 'info',
  };
}, 240_000);
afterAll(async () => {
  await store?.stop();
  await rm(folder, { recursive: true });
});

/** Starts the S3 API of a local bucket that only this test's keys open. */
async function startStore(): Promise<LocalWorker> {
  const home = await mkdtemp(join(folder, 'store-'));
  const config = join(home, 'wrangler.toml');
  await writeFile(join(home, 'worker.js'), 'export default { fetch: () => new Response("ok") };');
  await writeFile(
    config,
    `name = "store"
main = "worker.js"
compatibility_date = "2026-11-01"
[[r2_buckets]]
binding = "BUCKET"
bucket_name = "catwalk"
[r2_buckets.local_dev]
experimental_s3_credentials = { accessKeyId = "${secrets.accessKeyId}", secretAccessKey = "${secrets.secretAccessKey}" }
`,
  );
  return startLocalWorker({ port: 0, persistTo: join(home, 'state'), config });
}

async function testSet(): Promise<Dataset> {
  const test = await firstTestImages();
  const train = { images: new Uint8Array(0), labels: new Uint8Array(0), count: 0 };
  const { labels } = fashionMnistCnn;
  const shape = { name: 'fashion-mnist', height: 28, width: 28, labels };
  const pictures = { fit: 'contain', background: { kind: 'isolate' } } as const;
  const origin = { files: {}, origin: 'unknown', source: 'a fixture' };
  return { ...shape, ...pictures, train, test, ...origin };
}

/** Opens a Worker and records its answers and log lines. */
async function openAudited(changed: Record<string, string> = {}) {
  const answers: string[] = [];
  const logs: string[] = [];
  const worker = await openWorker({
    bundle,
    folder,
    persistTo: join(folder, 'bundle'),
    variables: { ...variables, ...changed },
    bindings: {
      RATE_LIMITER: {
        type: 'rate-limit',
        namespace: '1',
        simple: { limit: 1000, period: 60 },
      },
      ANALYTICS: { type: 'analytics-engine-dataset', name: 'catwalk' },
    },
    onLog: (line) => logs.push(line),
  });
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${worker.url}${path}`, init);
    const body = Buffer.from(await response.clone().arrayBuffer()).toString('latin1');
    answers.push(`${init.method ?? 'GET'} ${path}: ${[...response.headers].join('\n')}\n${body}`);
    return response;
  }
  return { ...worker, answers, logs, ask };
}
type Audited = Awaited<ReturnType<typeof openAudited>>;

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Requests every route with valid and invalid input, with and without a token. */
async function askEverything({ ask }: Audited): Promise<void> {
  const wrong = `${secrets.token.slice(0, -1)}!`;
  const credentials = [{}, bearer(secrets.token), bearer(secrets.otherToken), bearer(wrong)];
  for (const headers of [...credentials, { authorization: `Basic ${btoa(secrets.token)}` }]) {
    const further = { ...headers, origin: 'https://shop.example' };
    for (const path of gets) await ask(path, { headers: further });
    await ask('/predict?index=0', { headers: { ...further, accept: 'image/svg+xml' } });
    await ask('/predict?index=0', { headers: { ...further, accept: 'text/plain' } });
    await ask('/predict', { method: 'OPTIONS', headers: further });
    for (const path of posts) {
      for (const [type, body] of bodies) {
        await ask(path, { method: 'POST', headers: { ...further, 'content-type': type }, body });
      }
      await ask(path, { method: 'DELETE', headers: further });
    }
  }
}

function expectNothingIn({ answers, logs }: Audited): void {
  for (const text of [...answers, ...logs]) expect(findSecrets(text), text).toEqual([]);
}

it('the search finds secrets', () => {
  const { token, secretAccessKey } = secrets;
  for (const text of [
    `{"detail":"${token}"}`,
    `wrong: ${token.slice(3, 16)}…`,
    Buffer.from(`Bearer ${token}`).toString('base64'),
    Buffer.from(token).toString('hex'),
  ]) {
    expect(findSecrets(text)).toEqual(['token']);
  }
  expect(findSecrets(`${token} ${secretAccessKey}`)).toEqual(['token', 'secretAccessKey']);
  expect(findSecrets('Bearer realm="catwalk"')).toEqual([]);
});

describe('a Worker with tokens and keys', () => {
  it('reveals none of them in its answers and logs', async () => {
    const worker = await openAudited();
    try {
      const first = await worker.ask('/predict?index=0');
      expect(first.status, await first.clone().text()).toBe(200);
      await askEverything(worker);
      const image = { method: 'POST', body: new Uint8Array(784) };
      expect((await worker.ask('/predict', image)).status).toBe(401);
      for (const token of [secrets.token, secrets.otherToken]) {
        const { status } = await worker.ask('/predict', { ...image, headers: bearer(token) });
        expect(status).toBe(200);
      }
      expectNothingIn(worker);
      const records = worker.logs.flatMap((line) => (line[0] === '{' ? [JSON.parse(line)] : []));
      expect(records.length).toBeGreaterThan(worker.answers.length * 0.9);
      const clients = new Set(records.map(({ client }) => client));
      expect(clients).toEqual(new Set([null, 'shop', 'token-2']));
    } finally {
      await worker.close();
    }
  });

  it('reveals none of them if the store refuses a request and echoes all of it', async () => {
    const telltale = await openTelltale();
    const { port } = telltale.address() as AddressInfo;
    const worker = await openAudited({
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      // The local R2 knows no session tokens.
      AWS_SESSION_TOKEN: secrets.sessionToken,
    });
    try {
      const response = await worker.ask('/predict?index=0');
      expect(await response.json()).toMatchObject({ status: 503, code: 'store_failed' });
      await askEverything(worker);
      expectNothingIn(worker);
    } finally {
      await worker.close();
      telltale.close();
    }
  });

  it.each(
    sample<[string, Record<string, string>]>(
      [
        ['a token is too short', { API_TOKENS: `shop:${secrets.token.slice(0, 14)}` }],
        ['a token has a bad character', { API_TOKENS: `${secrets.token}"` }],
        [
          'the secret of feedback is too short',
          { FEEDBACK_SECRET: secrets.feedbackSecret.slice(0, 20) },
        ],
        ['a name has one', { API_TOKENS: `sh"op:${secrets.token}` }],
        ['a key is missing', { AWS_ACCESS_KEY_ID: '' }],
        [
          'the endpoint has them in it',
          {
            AWS_ENDPOINT_URL: `http://${secrets.accessKeyId}:${secrets.secretAccessKey}@127.0.0.1:1`,
          },
        ],
        ['the endpoint is none', { AWS_ENDPOINT_URL: secrets.secretAccessKey }],
      ],
      2,
    ),
  )('reveals none of them if %s', async (_, changed) => {
    const worker = await openAudited(changed).catch((error: Error) => ({
      answers: [],
      logs: [error.stack ?? ''],
    }));
    try {
      if ('ask' in worker) {
        expect((await worker.ask('/predict?index=0')).status).toBeGreaterThanOrEqual(500);
      }
      expectNothingIn(worker as Audited);
    } finally {
      if ('close' in worker) await worker.close();
    }
  });
});

it('the uploaded script contains no secret', () => {
  for (const contents of bundle.values()) {
    expect(findSecrets(Buffer.from(contents).toString('latin1'))).toEqual([]);
  }
});

/** A store that answers like AWS to a wrong signature: it echoes what was signed, and more. */
async function openTelltale(): Promise<Server> {
  const server = createServer((request, response) => {
    const { accessKeyId, secretAccessKey, sessionToken } = secrets;
    const headers = JSON.stringify(request.headers);
    response.writeHead(403, `${accessKeyId}`, { etag: sessionToken });
    response.end(
      `<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>${accessKeyId}</AWSAccessKeyId><StringToSign>${headers}</StringToSign><Hint>${secretAccessKey}</Hint></Error>`,
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
