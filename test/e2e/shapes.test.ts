/** Your own data set: a folder of images with other labels, from training to the Worker's answers. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import type { IndexedPrediction, Prediction } from '../../shared/model/prediction.ts';
import { drawShape, shapes, writeShapes } from '../support/datasets/write-shapes.ts';

const cli = join(import.meta.dirname, '../../trainer/cli.ts');
let folder: string;
let worker: LocalWorker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-shapes-'));
  await writeShapes(join(folder, 'Shapes'), { train: 60, test: 10 });
  worker = await startLocalWorker({
    port: 0,
    persistTo: join(folder, 'state'),
    variables: { MODEL_NAME: 'shapes-cnn', DATASET_NAME: 'shapes' },
  });
});
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

/** @returns the last line that it prints */
async function catwalk(...parameters: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...parameters, '--json'], {
    env: { ...process.env, ...worker.env },
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

it('is trained, published and answered with its own labels', async () => {
  const dataset = ['--dataset', join(folder, 'Shapes')];
  const bucket = ['--bucket', 's3://catwalk'];
  const { run, accuracy } = await catwalk(
    'train',
    ...dataset,
    '--runs',
    join(folder, 'runs'),
    '--backend',
    'wasm',
    '--epochs',
    '8',
    '--batch-size',
    '20',
  );
  expect(accuracy).toBeGreaterThan(0.9);
  expect(await catwalk('data', 'upload', ...dataset, ...bucket)).toMatchObject({
    name: 'shapes',
    labels: shapes,
    train: 180,
    test: 30,
    upload: 'uploaded',
  });
  const { version } = await catwalk('publish', run, ...bucket, '--alias', 'production');

  let correct = 0;
  for (let index = 0; index < 30; index++) {
    const response = await fetch(`${worker.url}/predict?index=${index}`);
    const answer = (await response.json()) as IndexedPrediction & { model: object };
    expect(answer.model).toEqual({ name: 'shapes-cnn', version, alias: 'production' });
    expect(answer.actual).toEqual({ id: index % 3, label: shapes[index % 3] });
    expect(answer.probabilities.map(({ label }) => label)).toEqual(shapes);
    if (answer.correct) correct++;
  }
  expect(correct / 30).toBeCloseTo(accuracy, 10);

  for (const shape of shapes) {
    const response = await fetch(`${worker.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: drawShape(shape, 'never seen') as BodyInit,
    });
    expect(((await response.json()) as Prediction).predicted.label).toBe(shape);
  }
});
