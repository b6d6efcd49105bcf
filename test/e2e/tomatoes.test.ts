/** Pictures in colour: four kinds of tomato that only their colour distinguishes, from a folder to the answers of workerd. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { normalizePixels, softmax } from '../../shared/model/predict.ts';
import type { IndexedPrediction, Prediction } from '../../shared/model/prediction.ts';
import { type Manifest, manifestSchema } from '../../shared/registry/manifest.ts';
import { tomatoes, writeTomatoes } from '../support/datasets/write-tomatoes.ts';

const cli = join(import.meta.dirname, '../../trainer/cli.ts');
const side = 32;
const perKind = 10;
let folder: string;
let worker: LocalWorker;
let run: string;
let dataset: string;
let manifest: Manifest;

/** @returns the JSON lines that it prints */
async function catwalk(...parameters: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...parameters, '--json'], {
    env: { ...process.env, ...worker.env, XDG_CACHE_HOME: join(folder, 'cache') },
    maxBuffer: 2 ** 26,
  });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const train = (...more: string[]) =>
  catwalk(
    'train',
    ...['--dataset', dataset, '--runs', join(folder, 'runs'), '--backend', 'wasm'],
    ...['--epochs', '8', '--batch-size', '32', '--size', String(side), ...more],
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-tomatoes-'));
  dataset = join(folder, 'tomatoes');
  await writeTomatoes(dataset, { train: 60, test: perKind });
  worker = await startLocalWorker({
    port: 0,
    persistTo: join(folder, 'state'),
    variables: { MODEL_NAME: 'tomatoes-cnn', DATASET_NAME: 'tomatoes', FEEDBACK: 'open' },
  });
  const reports = await train('--publish', 's3://catwalk');
  run = reports.at(-1).run;
  manifest = manifestSchema.parse((await get('/model')).manifest);
}, 240_000);
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

async function get(path: string) {
  const response = await fetch(worker.url + path);
  expect(response.status, path).toBe(200);
  return response.json();
}

async function post(path: string, body: unknown, contentType = 'application/json') {
  const isBytes = body instanceof Uint8Array;
  const response = await fetch(worker.url + path, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: isBytes ? (body as BodyInit) : JSON.stringify(body),
  });
  return { status: response.status, answer: await response.json() };
}

const probabilitiesOf = ({ probabilities }: Prediction) =>
  probabilities.map(({ probability }) => probability);

function expectSame(found: number[], expected: number[]): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs((found[i] as number) - value)).toBeLessThan(1e-4);
  }
}

/** Returns the network's input of a test image: red, green and blue of each pixel. */
async function pixelsOf(index: number): Promise<number[]> {
  const response = await fetch(`${worker.url}/images/${index}.png`);
  const { data, width, height, channels } = decode(new Uint8Array(await response.arrayBuffer()));
  expect([width, height, channels]).toEqual([side, side, 3]);
  return Array.from(data);
}

const rowsOf = (pixels: number[]) =>
  Array.from({ length: side }, (_, y) =>
    Array.from({ length: side }, (_, x) =>
      pixels.slice(3 * (y * side + x), 3 * (y * side + x) + 3),
    ),
  );

it('tells the tomatoes apart; in grey they are the same', async () => {
  expect(manifest.metrics.accuracy).toBeGreaterThanOrEqual(0.99);
  expect(manifest.model.inputShape).toEqual([side, side, 3]);
  expect(manifest.model.labels).toEqual(tomatoes);
  const { mean, background } = manifest.model.preprocessing;
  expect(mean).toHaveLength(3);
  expect(background).toEqual({ kind: 'keep' });

  const grey = await train('--colour', 'grey');
  expect(grey.at(-1).accuracy).toBeLessThan(0.5);
  const messages = grey.flatMap(({ message = [] }) => message);
  expect(messages.join('\n')).toMatch(/in colour, but the network sees them in grey/);
}, 120_000);

it('answers as the trainer does, for every test image', async () => {
  const files = tomatoes.flatMap((kind) =>
    Array.from({ length: perKind }, (_, i) => join(dataset, 'test', kind, `${i}.png`)),
  );
  const [{ predictions }] = await catwalk('predict', ...files, '--run', run);
  for (const [i, file] of files.entries()) {
    const { status, answer } = await post('/predict', await readFile(file), 'image/png');
    expect(status).toBe(200);
    expectSame(probabilitiesOf(answer), probabilitiesOf(predictions[i]));
  }
  let correct = 0;
  for (let index = 0; index < files.length; index++) {
    const answer: IndexedPrediction = await get(`/predict?index=${index}`);
    const image = await post('/predict', Uint8Array.from(await pixelsOf(index)), '');
    expectSame(probabilitiesOf(answer), probabilitiesOf(image.answer));
    if (answer.correct) correct++;
  }
  expect(correct / files.length).toBe(manifest.metrics.accuracy);
}, 120_000);

it('loads with plain TensorFlow.js', async () => {
  const url = `${worker.url}/models/${manifest.version}/model.json`;
  await tf.setBackend('cpu');
  const model = await loadLayersModel(url);
  const input = normalizePixels(await pixelsOf(0), manifest.model.preprocessing);
  const logits = model.predict(tf.tensor(input, [1, side, side, 3])) as tf.Tensor;
  expectSame(softmax(logits.dataSync()), probabilitiesOf(await get('/predict?index=0')));
});

it('serves a residual network, without the batch normalization that it was trained with', async () => {
  const reports = await train(
    ...['--network', 'residual', '--learning-rate', '0.03', '--publish', 's3://catwalk'],
    ...['--alias', 'residual'],
  );
  expect(reports.at(-1).accuracy).toBeGreaterThanOrEqual(0.9);
  const { manifest: published } = await get('/model?alias=residual');
  const types = published.model.layers.map(({ type }: { type: string }) => type);
  expect(types).toContain('add');
  expect(types).not.toContain('batchNorm');
  const files = tomatoes.flatMap((kind) =>
    Array.from({ length: perKind }, (_, i) => join(dataset, 'test', kind, `${i}.png`)),
  );
  const [{ predictions }] = await catwalk('predict', ...files, '--run', reports.at(-1).run);
  const model = await loadLayersModel(`${worker.url}/models/${published.version}/model.json`);
  for (const [i, file] of files.entries()) {
    const { answer } = await post('/predict?alias=residual', await readFile(file), 'image/png');
    expectSame(probabilitiesOf(answer), probabilitiesOf(predictions[i]));
  }
  const input = normalizePixels(await pixelsOf(0), published.model.preprocessing);
  const logits = model.predict(tf.tensor(input, [1, side, side, 3])) as tf.Tensor;
  const served: IndexedPrediction = await get('/predict?index=0&alias=residual');
  expectSame(softmax(logits.dataSync()), probabilitiesOf(served));
}, 240_000);

describe('takes pixels in colour', () => {
  let pixels: number[];
  let expected: number[];
  beforeAll(async () => {
    pixels = await pixelsOf(1);
    expected = probabilitiesOf(await get('/predict?index=1'));
  });

  it.each([
    ['flat', () => pixels],
    ['in rows', () => rowsOf(pixels)],
    ['in rows, from 0 to 1', () => ({ pixels: rowsOf(pixels.map((level) => level / 255)) })],
  ])('as JSON, %s', async (_, body) => {
    const { status, answer } = await post('/predict', body());
    expect({ status, answer }).toMatchObject({ status: 200 });
    expectSame(probabilitiesOf(answer), expected);
  });

  it.each([
    [
      'of one channel',
      () => rowsOf(pixels).map((row) => row.map(([red]) => red)),
      /row 0, column 0/,
    ],
    ['too few', () => pixels.slice(0, side * side), /1024 pixels; an image has 3072/],
    ['too bright', () => rowsOf(pixels.with(3 * side * 2 + 4, 300)), /row 2, column 1 is 300/],
  ])('and refuses those %s', async (_, body, detail) => {
    const { status, answer } = await post('/predict', body());
    expect({ status, code: answer.code }).toEqual({ status: 422, code: 'bad_pixels' });
    expect(answer.detail).toMatch(detail);
  });

  it('over TensorFlow Serving', async () => {
    const path = '/v1/models/tomatoes-cnn';
    const { metadata } = await get(`${path}/metadata`);
    const { inputs } = metadata.signature_def.signature_def.serving_default;
    const sizes = inputs.images.tensor_shape.dim.map(({ size }: { size: string }) => size);
    expect(sizes).toEqual(['-1', '32', '32', '3']);
    const { answer } = await post(`${path}:predict`, { instances: [rowsOf(pixels), pixels] });
    for (const probabilities of answer.predictions) expectSame(probabilities, expected);
    const single = await post(`${path}:predict`, { instances: rowsOf(pixels) });
    expect(single.answer.error).toMatch(/one image, not a list/);
  });

  it('over the Open Inference Protocol', async () => {
    const path = '/v2/models/tomatoes-cnn';
    const { inputs } = await get(path);
    expect(inputs).toEqual([{ name: 'images', datatype: 'FP32', shape: [-1, side, side, 3] }]);
    for (const shape of [
      [1, side, side, 3],
      [1, 3 * side * side],
    ]) {
      const tensor = { name: 'images', shape, datatype: 'UINT8', data: pixels };
      const { answer } = await post(`${path}/infer`, { inputs: [tensor] });
      expectSame(answer.outputs[0].data, expected);
    }
    const turned = { name: 'images', shape: [1, side, 3, side], datatype: 'UINT8', data: pixels };
    expect((await post(`${path}/infer`, { inputs: [turned] })).answer.error).toMatch(/shape/);
  });

  it('as feedback, and trains on it', async () => {
    const mirrored = rowsOf(pixels).map((row) => row.toReversed());
    const { answer } = await post('/predict', mirrored);
    const sent = await post('/feedback', { id: answer.id, label: tomatoes[1], pixels: mirrored });
    expect(sent.status).toBe(201);
    const out = join(folder, 'more-tomatoes');
    const base = ['--dataset', dataset, '--size', String(side), '--bucket', 's3://catwalk'];
    const [collected] = await catwalk(
      'data',
      'feedback',
      ...base,
      '--name',
      'tomatoes-cnn',
      '--out',
      out,
    );
    expect(collected).toMatchObject({ records: 1, added: 1, refused: [] });
    const [loaded] = await catwalk('data', '--dataset', out);
    expect(loaded).toMatchObject({ train: 241, test: 40, labels: tomatoes });
  });
});
