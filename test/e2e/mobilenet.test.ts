/** MobileNet with random pretrained layers, from a folder of pictures to the answers of workerd. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { normalizePixels, softmax } from '../../shared/model/predict.ts';
import { type Manifest, manifestSchema } from '../../shared/registry/manifest.ts';
import { tomatoes, writeTomatoes } from '../support/datasets/write-tomatoes.ts';
import { writeRandomBackbone } from '../support/models/random-backbone.ts';
import { askEveryImage } from '../verify/ask-every-image.ts';
import { compareProbabilities } from '../verify/compare-probabilities.ts';

const root = join(import.meta.dirname, '../..');
const side = 96;
const concurrency = 4;
let folder: string;
let worker: LocalWorker;
let manifest: Manifest;

const run = (program: string, ...argv: string[]) =>
  promisify(execFile)(process.execPath, [join(root, program), ...argv], {
    env: { ...process.env, ...worker.env, XDG_CACHE_HOME: join(folder, 'cache') },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-mobilenet-'));
  const dataset = join(folder, 'tomatoes');
  await writeTomatoes(dataset, { train: 12, test: 5 });
  const backbone = await writeRandomBackbone(join(folder, 'backbone'));
  worker = await startLocalWorker({
    port: 0,
    persistTo: join(folder, 'state'),
    variables: { MODEL_NAME: 'tomatoes-cnn', DATASET_NAME: 'tomatoes' },
  });
  await run(
    'trainer/cli.ts',
    ...['train', '--dataset', dataset, '--runs', join(folder, 'runs'), '--backend', 'wasm'],
    ...['--network', 'mobilenet', '--recipe', 'fast', '--backbone', backbone],
    ...['--size', String(side), '--views', '1', '--epochs', '1', '--publish', 's3://catwalk'],
    // With larger steps, all images get one answer: random layers are sensitive.
    ...['--learning-rate', '0.00001'],
  );
  const response = await fetch(`${worker.url}/model`);
  manifest = manifestSchema.parse((await response.json()).manifest);
}, 240_000);
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

it('answers every test image as the trainer does, within 1e-4', async () => {
  const { stdout } = await run('test/verify/edge.ts', '--url', worker.url);
  expect(stdout).toMatch(/The same label for every image\./);
  expect(stdout).toMatch(/largest difference of a probability is \d\.\de-\d+, of image \d+;/);
});

it('would notice another answer', async () => {
  const { url } = worker;
  const { version } = manifest;
  const labels = tomatoes.length;
  const images = 5 * labels;
  const asked = await askEveryImage({ url, concurrency, version, labels, images });
  const { probabilities: found } = asked;
  // Otherwise equal answers would prove nothing.
  expect(new Set(found.flat().map((value) => value.toFixed(2))).size).toBeGreaterThan(8);
  (found[7] as number[])[2] = (found[7]?.[2] as number) + 2e-4;
  const backend = { backend: 'wasm', device: 'cpu' } as const;
  const compared = await compareProbabilities({ url, manifest, concurrency, found, ...backend });
  expect(compared.index).toBe(7);
  expect(compared.difference).toBeGreaterThan(1e-4);
});

it('loads with plain TensorFlow.js', async () => {
  await tf.setBackend('cpu');
  const model = await loadLayersModel(`${worker.url}/models/${manifest.version}/model.json`);
  const image = await fetch(`${worker.url}/images/0.png`);
  const { data } = decode(new Uint8Array(await image.arrayBuffer()));
  const input = normalizePixels(data, manifest.model.preprocessing);
  const logits = model.predict(tf.tensor(input, [1, side, side, 3])) as tf.Tensor;
  const { probabilities } = await (await fetch(`${worker.url}/predict?index=0`)).json();
  for (const [id, expected] of softmax(logits.dataSync()).entries()) {
    expect(Math.abs(probabilities[id].probability - expected)).toBeLessThan(1e-4);
  }
});
