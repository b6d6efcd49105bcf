/** `--dtype uint8`: published, served, measured, and read by plain TensorFlow.js and by the trainer. */
import '@tensorflow/tfjs-backend-cpu';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { normalizePixels } from '../../shared/model/predict.ts';
import { manifestSchema } from '../../shared/registry/manifest.ts';
import { loadDataset } from '../../trainer/data/load-dataset.ts';
import { readAlias } from '../../trainer/registry/aliases.ts';
import { openBucket } from '../../trainer/registry/bucket.ts';
import { computeMetrics } from '../../trainer/train/metrics.ts';
import { writeSmallDataset } from '../support/datasets/small-dataset.ts';
import { askEveryImage } from '../verify/ask-every-image.ts';

const cli = join(import.meta.dirname, '../../trainer/cli.ts');
const bucket = ['--bucket', 's3://catwalk'];
const name = 'hundred-cnn';
let folder: string;
let dataset: string;
let worker: LocalWorker;
let whole: string;
/** Options that sign. */
let sign: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-quantized-'));
  dataset = await writeSmallDataset(folder);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  sign = ['--sign', join(folder, 'key.pem')];
  await writeFile(sign[1] as string, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  worker = await startLocalWorker({
    port: 0,
    persistTo: join(folder, 'state'),
    variables: {
      MODEL_NAME: name,
      DATASET_NAME: 'hundred',
      ALIAS_POLL_SECONDS: '0',
      MODEL_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
  });
  await catwalk('data', 'upload', '--dataset', dataset, ...bucket);
  ({ run: whole } = await train('--epochs', '3'));
}, 120_000);
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

/** @returns the last line that it prints */
async function catwalk(...parameters: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...parameters, '--json'], {
    env: { ...process.env, ...worker.env },
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

const train = (...options: string[]) => {
  const places = ['--dataset', dataset, '--runs', join(folder, 'runs')];
  return catwalk('train', ...places, '--backend', 'wasm', '--validation', '20', ...options);
};

async function readVersion(version: string) {
  const path = `${worker.url}/models/${version}`;
  const response = await fetch(`${path}/manifest.json`);
  return { path, ...manifestSchema.parse(await response.json()) };
}

/** Compares Worker, plain TensorFlow.js and `evaluate` with a version's manifest. */
async function checkVersion(version: string) {
  const { path, files, metrics, training } = await readVersion(version);
  expect(training.dtype).toBe('uint8');
  expect(files.find((file) => file.path === 'weights.bin')?.bytes).toBe(688_138);
  const last = training.history?.find(({ epoch }) => epoch === training.epoch);
  expect(last).toMatchObject({ accuracy: metrics.accuracy, loss: metrics.loss });

  const all = { url: worker.url, labels: 10, images: 100, concurrency: 4, version };
  expect((await askEveryImage(all)).confusion).toEqual(metrics.confusion);

  const { test, labels } = await loadDataset({ dataset });
  const model = await loadLayersModel(`${path}/model.json`);
  const pixels = normalizePixels(test.images, { mean: 0.5, std: 0.5 });
  const logits = model.predict(tf.tensor4d(pixels, [100, 28, 28, 1])) as tf.Tensor;
  const plain = computeMetrics(await logits.data<'float32'>(), test.labels, labels);
  expect(plain.confusion).toEqual(metrics.confusion);
  expect(plain.loss).toBeCloseTo(metrics.loss, 5);

  const which = [...bucket, '--model', name, '--version', version];
  const evaluated = await catwalk('evaluate', ...which, '--backend', 'wasm');
  expect(evaluated.metrics).toEqual(metrics);
}

it('publishes a run in a quarter of its size, with what these weights measure', async () => {
  const before = await catwalk('evaluate', whole);
  const gate = ['--alias', 'production', '--tolerance', '0.1'];
  const { version, move } = await catwalk(
    'publish',
    whole,
    ...bucket,
    ...gate,
    ...sign,
    '--dtype',
    'uint8',
  );
  expect(move.outcome).toBe('moved');
  await checkVersion(version);
  const { metrics, training, evaluation } = await readVersion(version);
  expect(metrics.loss).not.toBe(before.metrics.loss);
  expect(Math.abs(metrics.loss - before.metrics.loss)).toBeLessThan(0.05);
  expect(training.validation).toBe(20);
  expect(evaluation).toBeDefined();
});

it('trains and resumes, from such a version too', async () => {
  const from = `s3://catwalk/models/${name}/aliases/production`;
  const publishing = ['--publish', 's3://catwalk', ...sign, '--dtype', 'uint8', '--force'];
  const { run } = await train('--from', from, '--epochs', '1', ...publishing);
  const resumed = await catwalk('train', '--resume', run, '--epochs', '2');
  expect(resumed.run).toBe(run);
  const environment = { ...process.env, ...worker.env };
  const { version = '' } =
    (await readAlias(openBucket({ url: 's3://catwalk', environment }), name, 'production'))
      ?.value ?? {};
  expect((await readVersion(version)).parent).toMatchObject({ name });
  // The Worker follows the alias after it has answered.
  const served = async () => (await (await fetch(`${worker.url}/model`)).json()).manifest.version;
  await expect.poll(served).toBe(version);
  await checkVersion(version);
});
