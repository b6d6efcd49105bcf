/** The whole system as a new user runs it: trainer, bucket over HTTP, Worker in workerd. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { normalizePixels, softmax } from '../../shared/model/predict.ts';
import { manifestSchema } from '../../shared/registry/manifest.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { loadDataset } from '../../trainer/data/load-dataset.ts';
import { type Bucket, openBucket } from '../../trainer/registry/bucket.ts';

const repository = join(import.meta.dirname, '../..');
let folder: string;
let worker: LocalWorker;
let bucket: Bucket;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-line-'));
  worker = await startLocalWorker({
    port: 0,
    persistTo: join(folder, 'state'),
  });
  bucket = openBucket({ url: 's3://catwalk', environment: worker.env });
});
afterAll(async () => {
  await worker.stop();
  await rm(folder, { recursive: true });
});

async function trainAndPublish(...options: string[]): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      join(repository, 'trainer/cli.ts'),
      'train',
      '--runs',
      join(folder, 'runs'),
      '--publish',
      's3://catwalk',
      '--limit',
      '2000',
      '--backend',
      'wasm',
      ...options,
    ],
    { env: { ...process.env, ...worker.env }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  child.stdout.resume();
  expect(await once(child, 'exit')).toEqual([0, null]);
}

// biome-ignore lint/suspicious/noExplicitAny: the answers are what is tested.
async function ask(path: string, init?: RequestInit): Promise<{ status: number; body: any }> {
  const response = await fetch(`${worker.url}${path}`, init);
  return { status: response.status, body: await response.json() };
}

/** The version that the production alias names. */
async function aliasedVersion(): Promise<string> {
  const stored = await bucket.get(bucket.layout.alias(fashionMnistCnn.name, 'production'));
  return JSON.parse(new TextDecoder().decode(stored?.bytes)).version;
}

/** Polls until the Worker answers from that version; the test's time limit ends it. */
async function untilServed(version: string): Promise<void> {
  for (;;) {
    const { status, body } = await ask('/predict?index=0');
    if (status === 200 && body.model.version === version) return;
  }
}

async function storedFile(version: string, file: string): Promise<Uint8Array> {
  const stored = await bucket.get(bucket.layout.versionFile(fashionMnistCnn.name, version, file));
  if (!stored) throw new Error(`${version} has no ${file}.`);
  return stored.bytes;
}

describe('from training to prediction', () => {
  let version: string;

  it('answers no_model before a model is published', async () => {
    const { status, body } = await ask('/predict?index=0');
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: 503, code: 'no_model' });
    expect((await ask('/readyz')).status).toBe(503);
  });

  it('serves the published model without a restart', async () => {
    await trainAndPublish('--epochs', '2');
    version = await aliasedVersion();
    await untilServed(version);
    const { body } = await ask('/predict?index=0');
    expect(body.actual).toEqual({ id: 9, label: 'Ankle boot' });
    expect(body.model).toEqual({ name: fashionMnistCnn.name, version, alias: 'production' });
    expect(body.probabilities.map(({ label }: { label: string }) => label)).toEqual(
      fashionMnistCnn.labels,
    );
  });

  it('answers the same, within 1e-5, as the trainer computes on its own backend', async () => {
    const dataset = await loadDataset();
    await openBackend('wasm');
    const model = await loadLayersModel(
      tf.io.fromMemory(await storedArtifacts(version)) as Parameters<typeof loadLayersModel>[0],
    );
    const count = 100;
    const size = dataset.height * dataset.width;
    const pixels = dataset.test.images.subarray(0, count * size);
    const images = tf.tensor(normalizePixels(pixels, fashionMnistCnn.preprocessing), [
      count,
      dataset.height,
      dataset.width,
      1,
    ]);
    const logits = (model.predict(images) as tf.Tensor).dataSync();
    let maxDifference = 0;
    for (let index = 0; index < count; index++) {
      const { body } = await ask(`/predict?index=${index}`);
      const expected = softmax(logits.subarray(index * 10, index * 10 + 10));
      for (const [id, { probability }] of body.probabilities.entries()) {
        const difference = Math.abs(probability - (expected[id] as number));
        maxDifference = Math.max(maxDifference, difference);
      }
    }
    expect(maxDifference).toBeLessThan(1e-5);
  });

  it('answers the same for a test image by index and posted as PNG', async () => {
    const png = await (await fetch(`${worker.url}/images/7.png`)).arrayBuffer();
    const posted = await ask('/predict', {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: png,
    });
    const indexed = await ask('/predict?index=7');
    expect(posted.body.probabilities).toEqual(indexed.body.probabilities);
  });

  it('publishes a folder that plain @tensorflow/tfjs loads by URL', async () => {
    const server = createServer(async (request, response) => {
      const file = (request.url ?? '').slice(1);
      response.end(await storedFile(version, file));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address() as { port: number };
    const script = `
      import * as tf from '@tensorflow/tfjs';
      const model = await tf.loadLayersModel('http://127.0.0.1:${address.port}/model.json');
      const logits = model.predict(tf.zeros([1, 28, 28, 1]));
      console.log(JSON.stringify({ parameters: model.countParams(), shape: logits.shape }));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { cwd: repository },
    );
    server.close();
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      parameters: 688_138,
      shape: [1, 10],
    });
  });

  it.runIf(inject('whole'))(
    'serves a better model, and keeps it when a worse one is published',
    async () => {
      // Longer on the same images: better. One epoch: worse.
      await trainAndPublish('--epochs', '4');
      const better = await aliasedVersion();
      expect(better).not.toBe(version);
      await untilServed(better);
      await trainAndPublish('--epochs', '1', '--seed', '2');
      expect(await aliasedVersion()).toBe(better);
      const { body } = await ask('/model');
      expect(JSON.stringify(body)).toContain(better);
    },
  );

  it('records in the manifest how the model was trained', async () => {
    const manifest = manifestSchema.parse(
      JSON.parse(new TextDecoder().decode(await storedFile(version, 'manifest.json'))),
    );
    expect(manifest.training).toMatchObject({
      recipe: 'tutorial',
      batchSize: 64,
      epochs: 2,
      backend: 'wasm',
      history: [{ epoch: 1 }, { epoch: 2, accuracy: manifest.metrics.accuracy }],
    });
    const evaluation = await ask(`/models/${version}/${manifest.evaluation?.path}`);
    expect(evaluation.body.images).toBe(10_000);
    expect(manifest.metrics.confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(10_000);
  });
});

async function storedArtifacts(version: string): Promise<tf.io.ModelArtifacts> {
  const json = JSON.parse(new TextDecoder().decode(await storedFile(version, 'model.json')));
  const weights = await storedFile(version, 'weights.bin');
  return {
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest[0].weights,
    weightData: weights.slice().buffer,
  };
}
