/** The feedback loop: annotations that clients send become a training set. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { fixtureDataset } from '../support/datasets/fixture-dataset.ts';
import { type PublishedModels, publishModels } from '../support/models/publish-models.ts';

interface Labelled {
  pixels: number[];
  label: string;
}

const run = promisify(execFile);
const { labels, name } = fashionMnistCnn;

let folder: string;
let worker: LocalWorker;
let published: PublishedModels;
/** Mirrored test images: real images that are in no data set. */
let mirrored: Labelled[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-feedback-'));
  worker = await startLocalWorker({ port: 0, persistTo: folder, variables: { FEEDBACK: 'open' } });
  published = await publishModels(worker.env, [1]);
  const { test } = await fixtureDataset();
  mirrored = Array.from(test.labels.subarray(0, 4), (id, image) => {
    const rows = Array.from({ length: 28 }, (_, row) =>
      Array.from(test.images.subarray((28 * image + row) * 28, (28 * image + row + 1) * 28)),
    );
    return { pixels: rows.flatMap((row) => row.toReversed()), label: labels[id] as string };
  });
}, 120_000);
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

const post = async (path: string, body: unknown) => {
  const response = await fetch(worker.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.ok, `${path} ${response.status}`).toBe(true);
  return response.json() as Promise<{ id: string }>;
};

async function tell(pixels: number[], label: string): Promise<void> {
  const { id } = await post('/predict?invert=false', pixels);
  await post('/feedback?invert=false', { id, label, pixels });
}

const catwalk = async (...argv: string[]) => {
  const cli = join(import.meta.dirname, '../../trainer/cli.ts');
  const { stdout } = await run(process.execPath, [cli, ...argv], {
    env: { ...process.env, ...worker.env },
    maxBuffer: 2 ** 26,
  });
  return stdout;
};

it('collects each annotated label once, sets conflicts and test images aside, and trains on the rest', async () => {
  for (const { pixels, label } of mirrored) await tell(pixels, label);
  const [first, second] = mirrored as [Labelled, Labelled];
  await tell(first.pixels, first.label);
  const other = labels.find((label) => label !== second.label) as string;
  await tell(second.pixels, other);
  const ofTestSet = await (await fetch(`${worker.url}/predict?index=7`)).json();
  await post('/feedback', { id: ofTestSet.id, label: ofTestSet.actual.label, index: 7 });
  const stray = `${published.bucket.layout.feedbacks(name)}2026-01-01/stray.json`;
  await published.bucket.put(stray, Buffer.from('{}'), {
    contentType: 'application/json',
  });

  const out = join(folder, 'told');
  const collect = ['data', 'feedback', '--bucket', 's3://catwalk', '--json'];
  const account = JSON.parse(await catwalk(...collect, '--out', out));
  expect(account).toMatchObject({
    records: 6,
    repeated: 0,
    known: 0,
    ofTestSet: 1,
    added: 3,
    folder: out,
    conflicts: [{ labels: expect.arrayContaining([second.label, other]) }],
    refused: [{ key: stray }],
  });

  const events = await catwalk(
    'train',
    '--dataset',
    out,
    '--epochs',
    '1',
    '--limit',
    '640',
    '--backend',
    'wasm',
    '--json',
    '--runs',
    join(folder, 'runs'),
  );
  const lines = events
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.find(({ event }) => event === 'dataset')).toMatchObject({
    train: 60_003,
    test: 10_000,
  });
  expect(lines.at(-1)).toMatchObject({ event: 'finished' });
}, 180_000);
