/** The answers of a real Worker match its own OpenAPI document. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import type { OpenApiDocument } from '../../infra/openapi/document.ts';
import { loadOperations, type Operation } from '../../infra/openapi/operations.ts';
import { answerChecker, readAnswer } from '../support/answer-checker.ts';
import { fixtureDataset } from '../support/datasets/fixture-dataset.ts';
import { publishModels } from '../support/models/publish-models.ts';

const operations = await loadOperations();

interface Case {
  id: string;
  path: string;
  status: number;
  init?: RequestInit;
}

let folder: string;
let worker: LocalWorker;
let document: OpenApiDocument;
let faultOf: ReturnType<typeof answerChecker>;
let image: Uint8Array<ArrayBuffer>;
let version: string | undefined;
const seen = new Set<string>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-contract-'));
  worker = await startLocalWorker({
    port: 0,
    persistTo: folder,
    variables: { FEEDBACK: 'open' },
  });
  document = (await (await fetch(`${worker.url}/openapi.json`)).json()) as OpenApiDocument;
  faultOf = answerChecker(document);
  image = (await fixtureDataset()).test.images.slice(0, 784);
});
afterAll(async () => {
  await worker.stop();
  await rm(folder, { recursive: true });
});

async function check({ id, path, status, init }: Case): Promise<void> {
  const operation = operations.find((each) => each.id === id) as Operation;
  const answer = await readAnswer(await fetch(worker.url + path, init));
  expect(faultOf(operation, answer), `${id} ${path}`).toBeNull();
  expect(answer.status, `${id} ${path}`).toBe(status);
  if (status < 400) seen.add(id);
}

const post = (body: BodyInit, type = 'application/octet-stream', headers = {}): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': type, ...headers },
});
const json = (value: unknown) => post(JSON.stringify(value), 'application/json');

it('serves the document and a page that shows it', async () => {
  const response = await fetch(`${worker.url}/openapi.json`);
  expect(response.headers.get('content-type')).toContain('application/json');
  expect(document.openapi).toMatch(/^3\.1\./);
  const page = await fetch(`${worker.url}/docs`);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toContain('text/html');
  const text = await page.text();
  for (const path of Object.keys(document.paths)) expect(text).toContain(path);
});

describe('before a model is published', () => {
  it.each<Case>([
    { id: 'predictIndex', path: '/predict?index=0', status: 503 },
    { id: 'testImage', path: '/images/0.png', status: 503 },
    { id: 'servedModel', path: '/model', status: 503 },
    { id: 'ready', path: '/readyz', status: 503 },
    { id: 'live', path: '/healthz', status: 200 },
  ])('$id answers $status', check);
});

describe('with a model', () => {
  beforeAll(async () => {
    [version] = (await publishModels(worker.env, [1])).versions;
    // The Worker retries after a delay; the hook's time limit ends this.
    while (!(await fetch(`${worker.url}/readyz`)).ok) await wait(200);
  });

  it.each<Case>([
    { id: 'predictIndex', path: '/predict?index=0', status: 200 },
    { id: 'predictIndex', path: '/predict', status: 200 },
    ...['image/png', 'image/svg+xml'].map((accept) => ({
      id: 'predictIndex',
      path: '/predict?index=0',
      status: 200,
      init: { headers: { accept } },
    })),
    {
      id: 'predictIndex',
      path: '/predict?index=0',
      status: 406,
      init: { headers: { accept: 'text/html' } },
    },
    { id: 'predictIndex', path: '/predict?index=100', status: 404 },
    { id: 'predictIndex', path: '/predict?index=-1', status: 400 },
    { id: 'predictIndex', path: `/predict?index=${'9'.repeat(400)}`, status: 404 },
    { id: 'testImage', path: '/images/0.png', status: 200 },
    { id: 'testImage', path: '/images/0.png?scale=20', status: 200 },
    { id: 'testImage', path: '/images/0.png?scale=21', status: 400 },
    { id: 'testImage', path: '/images/0.gif', status: 404 },
    { id: 'testImage', path: '/images/x.png', status: 400 },
    { id: 'listModels', path: '/models', status: 200 },
    { id: 'listModelNames', path: '/models/names', status: 200 },
    { id: 'servedModel', path: '/model', status: 200 },
    { id: 'servedModel', path: '/model?alias=nobody', status: 404 },
    { id: 'predictIndex', path: '/predict?index=0&version=20200101T000000Z-00000000', status: 404 },
    { id: 'predictIndex', path: '/predict?index=0&version=latest', status: 400 },
    { id: 'ready', path: '/readyz', status: 200 },
    { id: 'live', path: '/healthz', status: 200 },
    { id: 'metrics', path: '/metrics', status: 200 },
  ])('$id answers $status to $path', check);

  it('predictImage answers valid bodies as documented', async () => {
    const pixels = Array.from(image);
    const rows = Array.from({ length: 28 }, (_, y) => pixels.slice(28 * y, 28 * y + 28));
    const png = await (await fetch(`${worker.url}/images/0.png`)).blob();
    const base64 = Buffer.from(await png.arrayBuffer()).toString('base64');
    const form = new FormData();
    form.append('a', png, 'a.png');
    const two = new FormData();
    for (const name of ['a', 'b']) two.append(name, png, `${name}.png`);
    for (const init of [
      post(image),
      post(png, 'image/png'),
      json(pixels),
      json(rows),
      json({ pixels }),
      json({ image: base64 }),
      json(`data:image/png;base64,${base64}`),
      json({ images: [pixels, { pixels: rows }, 'no base64!', base64] }),
      { method: 'POST', body: form },
      { method: 'POST', body: two },
    ]) {
      await check({ id: 'predictImage', path: '/predict', status: 200, init });
      await check({ id: 'predictImage', path: '/predict?echo=true', status: 200, init });
    }
  });

  it.each<[number, string, RequestInit]>([
    [400, '/predict?invert=perhaps', post('x')],
    [400, '/predict', { method: 'POST' }],
    [400, '/predict', post('{', 'application/json')],
    [400, '/predict', post('x', 'multipart/form-data')],
    [400, '/predict', post('x', 'image/png', { 'content-encoding': 'gzip' })],
    [413, '/predict', post(new Uint8Array(20 * 2 ** 20 + 1))],
    [413, '/predict', json({ images: Array(65).fill('') })],
    [415, '/predict', post('x', 'image/png', { 'content-encoding': 'br' })],
    [415, '/predict', post('no image', 'image/png')],
    [422, '/predict', post(Uint8Array.from(Buffer.from('89504e470d0a1a0a', 'hex')), 'image/png')],
    [422, '/predict', post('1234')],
  ])('predictImage answers %i as documented', async (status, path, init) => {
    await check({ id: 'predictImage', path, status, init });
  });

  it('versionFile answers as documented', async () => {
    const files = {
      'model.json': 200,
      'weights.bin': 200,
      'manifest.json': 200,
      'nothing.bin': 404,
    };
    for (const [file, status] of Object.entries(files)) {
      await check({ id: 'versionFile', path: `/models/${version}/${file}`, status });
    }
    await check({ id: 'versionFile', path: '/models/latest/model.json', status: 404 });
  });

  it('giveFeedback answers as documented', async () => {
    const predicted = (await (await fetch(`${worker.url}/predict?index=3`)).json()) as {
      id: string;
    };
    const give = (status: number, value: unknown) =>
      check({ id: 'giveFeedback', path: '/feedback', status, init: json(value) });
    const { id } = predicted;
    await give(201, { id, label: 'Trouser', index: 3 });
    await give(200, { id, label: 1, index: 3 });
    await give(201, { id, label: 2, index: 3 });
    await give(400, { id, label: 1 });
    await give(400, { id, label: 1, index: 3, image: '' });
    await give(404, { id, label: 1, index: 100 });
    await give(422, { id, label: 10, index: 3 });
    await give(422, { id, label: 'Hat', index: 3 });
    await give(422, { id, label: 1, index: 4 });
    await give(422, { id: id.replace(/^2/, '1'), label: 1, index: 3 });
    await give(422, { id, label: 1, pixels: [1, 2] });
    const posted = await fetch(`${worker.url}/predict?echo=true`, post(image));
    const { id: ofImage, input } = (await posted.json()) as { id: string; input: string };
    await give(201, { id: ofImage, label: 9, pixels: Array.from(image) });
    await give(200, { id: ofImage, label: 'Ankle boot', image: input });
  });

  it('answers 304 without a body if nothing changed', async () => {
    for (const path of ['/predict?index=0', '/images/0.png']) {
      const etag = (await fetch(worker.url + path)).headers.get('etag') ?? '';
      const again = await fetch(worker.url + path, { headers: { 'if-none-match': etag } });
      expect(again.status).toBe(304);
    }
  });

  it('has succeeded on every route', () => {
    expect([...seen].sort()).toEqual(operations.map(({ id }) => id).sort());
  });
});
