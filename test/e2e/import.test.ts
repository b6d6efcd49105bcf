/** From PyTorch to the Worker and back: state_dict, run, bucket, prediction, state_dict. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { softmax } from '../../shared/model/predict.ts';
import { hasOnnxRuntime, runOnnx } from '../support/models/run-onnx.ts';
import { hasPytorch, pytorch } from '../support/python/pytorch.ts';
import { requirement } from '../support/requirement.ts';

const cli = join(import.meta.dirname, '../../trainer/cli.ts');
const isHere = requirement(
  await hasPytorch(),
  'import and export against PyTorch. Set CATWALK_PYTHON to a Python with torch and safetensors.',
  'CATWALK_REQUIRE_TORCH',
);
const hasOnnx =
  isHere &&
  requirement(
    hasOnnxRuntime(),
    'the ONNX export against PyTorch. Install onnxruntime-web with: npm ci --prefix test/bench/edge/workers --ignore-scripts',
    'CATWALK_REQUIRE_ONNX',
  );

describe.skipIf(!isHere)('a network that PyTorch trained', () => {
  let folder: string;
  let worker: LocalWorker;
  /** PyTorch's logits of the first 100 test images. */
  let logits: number[][];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catwalk-import-'));
    worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state') });
    logits = await pytorch('save', folder);
  });
  afterAll(async () => {
    await worker?.stop();
    await rm(folder, { recursive: true });
  });

  async function catwalk(...parameters: string[]) {
    const { stdout } = await promisify(execFile)(process.execPath, [cli, ...parameters, '--json'], {
      env: { ...process.env, ...worker.env },
    });
    return JSON.parse(stdout);
  }

  const importFile = (file: string) =>
    catwalk('import', join(folder, file), '--runs', join(folder, 'runs'), '--backend', 'wasm');

  function maxDifference(actual: number[][], expected: number[][]): number {
    expect(actual).toHaveLength(100);
    const differences = actual.flatMap((row, i) =>
      row.map((value, j) => Math.abs(value - (expected[i]?.[j] as number))),
    );
    return Math.max(...differences);
  }

  it("answers from the Worker with PyTorch's own probabilities, within 1e-4, on 100 images", async () => {
    const { run, accuracy } = await importFile('tutorial.pth');
    expect(accuracy).toBeGreaterThan(0.3);
    await catwalk('data', 'upload', '--bucket', 's3://catwalk');
    const published = await catwalk(
      'publish',
      run,
      '--bucket',
      's3://catwalk',
      '--alias',
      'production',
    );
    const probabilities: number[][] = [];
    for (let index = 0; index < 100; index++) {
      const response = await fetch(`${worker.url}/predict?index=${index}`);
      const answer = (await response.json()) as {
        model: { version: string };
        probabilities: { probability: number }[];
      };
      expect(answer.model.version).toBe(published.version);
      probabilities.push(answer.probabilities.map(({ probability }) => probability));
    }
    expect(maxDifference(probabilities, logits.map(softmax))).toBeLessThan(1e-4);
  });

  it('gives the same logits after an export to .safetensors', async () => {
    const { run } = await importFile('tutorial.safetensors');
    const out = join(folder, 'back.safetensors');
    expect(await catwalk('export', run, '--out', out)).toMatchObject({
      file: out,
      layers: ['conv1', 'conv2', 'conv3', 'fc1', 'fc2'],
    });
    expect(maxDifference(await pytorch('load', out), logits)).toBe(0);
  });

  it.skipIf(!hasOnnx)('gives the same logits as ONNX, within 1e-5', async () => {
    const { run } = await importFile('tutorial.pth');
    const out = join(folder, 'model.onnx');
    expect(await catwalk('export', run, '--out', out)).toMatchObject({ file: out, format: 'onnx' });
    const found = await runOnnx(await readFile(out), fashionMnistCnn, 100);
    expect(maxDifference(found, logits)).toBeLessThan(1e-5);
  });

  it('is refused as a whole pickled model, with advice to save its state_dict', async () => {
    await expect(importFile('module.pth')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: .*module\.pth: .*save model\.state_dict\(\)/),
    });
  });
});
