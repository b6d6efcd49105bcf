/** Triton's own client against a Worker. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { writeShapes } from '../support/datasets/write-shapes.ts';
import { imports } from '../support/python/imports.ts';
import { requirement } from '../support/requirement.ts';

const run = promisify(execFile);
const cli = join(import.meta.dirname, '../../trainer/cli.ts');
const script = join(import.meta.dirname, '../support/python/triton_client.py');
const python = process.env.CATWALK_PYTHON ?? 'python3';
const isHere = requirement(
  await imports(python, 'tritonclient.http'),
  "Triton's client. Set CATWALK_PYTHON to a Python with it (pip install 'tritonclient[http]').",
  'CATWALK_REQUIRE_TRITON',
);

describe.skipIf(!isHere)("Triton's client", () => {
  let folder: string;
  let worker: LocalWorker;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catwalk-triton-'));
    await writeShapes(join(folder, 'Shapes'), { train: 20, test: 5 });
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

  async function catwalk(...parameters: string[]) {
    const env = { ...process.env, ...worker.env };
    const { stdout } = await run(process.execPath, [cli, ...parameters, '--json'], { env });
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  }

  it('gets the answers of POST /predict as floats, bytes and classes', async () => {
    const { run: trained } = await catwalk(
      'train',
      '--dataset',
      join(folder, 'Shapes'),
      '--runs',
      join(folder, 'runs'),
      '--backend',
      'wasm',
      '--epochs',
      '1',
      '--batch-size',
      '20',
    );
    const target = ['--bucket', 's3://catwalk', '--alias', 'production'];
    const { version } = await catwalk('publish', trained, ...target);
    const address = worker.url.replace('http://', '');
    const { stdout } = await run(python, [script, address, 'shapes-cnn'], { maxBuffer: 2 ** 24 });
    const said = JSON.parse(stdout);

    expect(said).toMatchObject({
      live: true,
      ready: true,
      modelReady: true,
      noModelReady: false,
      server: { name: 'catwalk', extensions: ['classification', 'binary_tensor_data'] },
      metadata: { name: 'shapes-cnn', versions: [version] },
      ids: Array(5).fill('42'),
      error: ['404', expect.stringContaining("unknown model: 'nobody'")],
    });
    const response = await fetch(`${worker.url}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ images: said.pixels }),
    });
    const { predictions } = (await response.json()) as {
      predictions: {
        predicted: { id: number; label: string };
        probabilities: { probability: number }[];
      }[];
    };
    for (const probabilities of said.probabilities) {
      expect(probabilities).toHaveLength(3);
      for (const [i, { probabilities: expected }] of predictions.entries()) {
        for (const [label, { probability }] of expected.entries()) {
          expect(probabilities[i][label]).toBeCloseTo(probability, 5);
        }
      }
    }
    for (const classes of said.classes) {
      // The two most likely classes of each image.
      expect(classes).toHaveLength(6);
      for (const [i, { predicted }] of predictions.entries()) {
        expect(classes[2 * i]).toMatch(
          new RegExp(`^[01]\\.\\d{6}:${predicted.id}:${predicted.label}$`),
        );
      }
    }
  });
});
