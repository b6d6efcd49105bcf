import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';
import { describeTestSet, uploadTestSet } from '../../../trainer/registry/test-set.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';
import { bucketEnvironment } from '../../support/s3/local-bucket.ts';
import { sample } from '../../support/vitest/sample.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
const bucket = 's3://catwalk/evaluate';
let runs: string;
let run: string;
let whole: Dataset;
let opened: Bucket;
let recorded: { accuracy: number; loss: number; confusion: number[][] };

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

const catwalk = (...argv: string[]) =>
  new Promise<Result>((resolve) => {
    const env = { ...process.env, ...bucketEnvironment };
    const child = execFile(process.execPath, [cli, ...argv], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

async function json(...argv: string[]) {
  const { code, stdout, stderr } = await catwalk(...argv, '--json');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), 'catwalk-evaluate-'));
  const options = ['--limit', '512', '--epochs', '1', '--backend', 'wasm', '--runs', runs];
  const { stdout } = await catwalk('train', '--json', ...options);
  run = JSON.parse(stdout.trim().split('\n').at(-1) as string).run;
  recorded = JSON.parse(await readFile(join(run, 'metrics.jsonl'), 'utf8'));

  const published = await catwalk('publish', run, '--bucket', bucket, '--alias', 'candidate');
  expect(published.stderr).toBe('');
  whole = await loadDataset();
  opened = openBucket({ url: bucket, environment: bucketEnvironment });
  await uploadTestSet(opened, whole);
}, 180_000);
afterAll(() => rm(runs, { recursive: true, force: true }));

describe('catwalk evaluate', () => {
  it('measures what the training measured', async () => {
    const { metrics, ...rest } = await json('evaluate', run, '--backend', 'wasm');
    expect(metrics.accuracy).toBe(recorded.accuracy);
    expect(metrics.confusion).toEqual(recorded.confusion);
    expect(metrics.loss).toBeCloseTo(recorded.loss, 5);
    expect(rest.model).toEqual({ name: 'fashion-mnist-cnn', run, epoch: 1 });
    expect(rest.dataset).toEqual({ name: 'fashion-mnist', images: 10_000 });
    expect(rest.backend.name).toBe('wasm');
  });

  it("evaluates a version in a bucket on the bucket's test set", async () => {
    const { model, metrics, dataset } = await json(
      'evaluate',
      '--alias',
      'candidate',
      '--bucket',
      bucket,
      '--backend',
      'wasm',
    );
    expect(model).toMatchObject({ name: 'fashion-mnist-cnn', alias: 'candidate' });
    expect(dataset).toEqual({ name: 'fashion-mnist', images: 10_000 });
    expect(metrics.accuracy).toBe(recorded.accuracy);
    const { stdout } = await catwalk(
      'evaluate',
      '--version',
      model.version,
      '--bucket',
      bucket,
      '--backend',
      'wasm',
    );
    expect(stdout).toContain(`Accuracy ${(100 * metrics.accuracy).toFixed(2)} %`);
    expect(stdout).toContain(
      `Recorded at training: accuracy ${(100 * recorded.accuracy).toFixed(2)} %`,
    );
    expect(stdout).toMatch(/^Ankle boot +\d\.\d{3} +\d\.\d{3} +\d\.\d{3} +1,000$/m);
  });

  it('refuses a test set that is another one than that of the manifest, but not the one of the manifest beside it', async () => {
    const test = await firstTestImages();
    const ofVersion = ['evaluate', '--alias', 'candidate', '--bucket', bucket, '--backend', 'wasm'];
    await uploadTestSet(opened, { ...whole, test });
    expect((await json(...ofVersion)).metrics.accuracy).toBe(recorded.accuracy);
    const { hash } = describeTestSet(whole).info;
    await opened.delete(opened.layout.datasetFile('fashion-mnist', 'dataset.json', hash));
    const smaller = await catwalk(...ofVersion);
    const labels = whole.labels.map((label) => `ripe ${label}`);
    await uploadTestSet(opened, { ...whole, labels });
    const renamed = await catwalk(...ofVersion);
    await uploadTestSet(opened, whole);
    expect(smaller.stderr).toContain('SHA-256');
    expect(smaller.stderr).toContain('catwalk data upload');
    expect(renamed.stderr).toContain('ripe Ankle boot');
    expect([smaller.code, renamed.code, smaller.stdout + renamed.stdout]).toEqual([1, 1, '']);
  });

  it('refuses files whose hashes differ from the manifest', async () => {
    const { model } = await json(
      'evaluate',
      '--alias',
      'candidate',
      '--bucket',
      bucket,
      '--backend',
      'wasm',
    );
    const key = opened.layout.versionFile(model.name, model.version, 'weights.bin');
    const weights = (await opened.get(key))?.bytes as Uint8Array;
    const damaged = weights.with(1000, (weights[1000] as number) ^ 1);
    await opened.put(key, damaged, { contentType: 'application/octet-stream' });
    const { code, stderr } = await catwalk('evaluate', '--alias', 'candidate', '--bucket', bucket);
    await opened.put(key, weights, { contentType: 'application/octet-stream' });
    expect(code).toBe(1);
    expect(stderr).toContain('weights.bin has');
  });

  it.each(
    sample<[number, string[], string]>(
      [
        [2, ['runs/a', '--alias', 'production'], 'run and alias: name only one'],
        [2, ['--alias', 'production'], '--bucket'],
        [2, ['--bucket', bucket], '--alias'],
        [2, ['--version', '1.0'], 'a version looks like'],
        [1, ['--alias', 'nobody', '--bucket', bucket], 'catwalk models'],
        [1, ['/nowhere'], 'is not a run with a trained model'],
        [1, ['--runs', '/nowhere'], 'catwalk train'],
      ],
      2,
    ),
  )('ends with %i on %j', async (expected, argv, message) => {
    const { code, stderr } = await catwalk('evaluate', ...argv);
    expect(stderr).toContain(message);
    expect(code).toBe(expected);
  });
});

describe('catwalk predict', () => {
  it('predicts a test image as the training recorded it, and draws it', async () => {
    const { samples } = JSON.parse(await readFile(join(run, 'metrics.jsonl'), 'utf8'));
    const { index, actual, predicted, probability } = samples[7];
    const out = join(runs, 'p.png');
    const { model, predictions } = await json(
      'predict',
      '--index',
      `${index}`,
      '--runs',
      runs,
      '--out',
      out,
    );
    expect(model.run).toBe(run);
    expect(predictions).toHaveLength(1);
    const [prediction] = predictions;
    expect(prediction).toMatchObject({
      index,
      predicted: { id: predicted },
      actual: { id: actual },
    });
    expect(prediction.correct).toBe(predicted === actual);
    expect(prediction.predicted.probability).toBeCloseTo(probability, 5);
    expect(prediction.probabilities).toHaveLength(10);
    expect(decode(await readFile(out))).toMatchObject({ width: 312, height: 340 });
  });

  it('predicts files, with the same answer for the same pixels in any format', async () => {
    const { images } = await firstTestImages();
    const pixels = images.subarray(3 * 784, 4 * 784);
    const grey = { width: 28, height: 28, data: pixels, channels: 1, depth: 8 } as const;
    const png = join(runs, 'trouser.png');
    await writeFile(png, encode(grey));
    const bmp = join(runs, 'trouser.bmp');
    await writeFile(bmp, greyBitmap(pixels));
    const out = join(runs, 'both.svg');
    const files = await json('predict', png, bmp, '--run', run, '--out', out);
    const tested = await json('predict', '--index', '3', '--run', run);
    const [{ probabilities }] = tested.predictions;
    expect(files.predictions.map(({ file }: { file: string }) => file)).toEqual([png, bmp]);
    for (const prediction of files.predictions) {
      expect(prediction.probabilities).toEqual(probabilities);
      expect(prediction).not.toHaveProperty('actual');
    }
    const svg = await readFile(out, 'utf8');
    expect(svg.match(/<image /g)).toHaveLength(2);
    expect(svg).toContain(`>Predicted: ${files.predictions[0].predicted.label}<`);
  });

  it('predicts the valid images, and ends with 1 if one is invalid', async () => {
    const { images } = await firstTestImages();
    const data = images.subarray(0, 784);
    const png = join(runs, 'boot.png');
    await writeFile(png, encode({ width: 28, height: 28, data, channels: 1, depth: 8 }));
    const text = join(runs, 'boot.txt');
    await writeFile(text, 'Ankle boot');
    const { code, stdout, stderr } = await catwalk(
      'predict',
      text,
      png,
      join(runs, 'nothing.png'),
      '--run',
      run,
    );
    expect(code).toBe(1);
    expect(stdout).toContain(`${png}: Predicted: `);
    expect(stderr).toContain(`${text}: `);
    expect(stderr).toContain('nothing.png: there is no such file');
  });

  it('loads a model from a bucket', async () => {
    const { model, predictions } = await json(
      'predict',
      '--random',
      '--alias',
      'candidate',
      '--bucket',
      bucket,
    );
    expect(model.alias).toBe('candidate');
    expect(predictions[0].index).toBeLessThan(10_000);
  });

  it.each(
    sample<[number, string[], string]>(
      [
        [2, [], 'name what to predict'],
        [2, ['a.png', '--random'], 'name what to predict'],
        [2, ['--index', '-1'], '--index'],
        [2, ['--index', '1', '--out', 'p.gif'], '--out'],
      ],
      2,
    ),
  )('ends with %i on %j', async (expected, argv, message) => {
    const { code, stderr } = await catwalk('predict', ...argv);
    expect(stderr).toContain(message);
    expect(code).toBe(expected);
  });

  it('ends with 1 if the test set has no such image', async () => {
    const { code, stderr } = await catwalk('predict', '--index', '10000', '--run', run);
    expect(stderr).toContain('0 to 9999');
    expect(code).toBe(1);
  });
});

/** 28x28 as an uncompressed 24-bit BMP. */
function greyBitmap(pixels: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(54 + 3 * 784);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(28, 18);
  // Negative: from the top row down.
  bytes.writeInt32LE(-28, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  pixels.forEach((pixel, i) => {
    bytes.fill(pixel, 54 + 3 * i, 57 + 3 * i);
  });
  return bytes;
}
