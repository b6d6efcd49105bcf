import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { UsageError } from '../../../node/options.ts';
import { aliasSchema, manifestSchema } from '../../../shared/registry/manifest.ts';
import { readJson } from '../../../trainer/registry/read-json.ts';
import { expandDatasets } from '../../../trainer/sweep/expand-datasets.ts';
import { readSweepFile } from '../../../trainer/sweep/sweep-file.ts';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-dataset-sweep-'));
  const dataset = await writeSmallDataset(folder);
  await cp(dataset, join(folder, 'shops/shop-a'), { recursive: true });
  await mkdir(join(folder, 'shops/shop-empty'));
  await writeFile(join(folder, 'shops/notes.txt'), 'not a data set');
});
afterAll(() => rm(folder, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: the commands' JSON, which the test checks
type Result = any;

/** Runs `catwalk sweep …` and returns the last JSON object that it prints. */
const sweep = (...argv: string[]) =>
  new Promise<{ code: number; result: Result; stderr: string }>((resolve) => {
    const env = { ...process.env, ...bucketEnvironment, XDG_CACHE_HOME: join(folder, 'cache') };
    execFile(
      process.execPath,
      [cli, 'sweep', ...argv, '--json'],
      { cwd: folder, env },
      (error, stdout, stderr) => {
        const last = stdout.trim().split('\n').at(-1);
        resolve({ code: Number(error?.code ?? 0), result: last ? JSON.parse(last) : null, stderr });
      },
    );
  });

async function writeSweep(name: string, content: object): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  const options = { backend: 'wasm', validation: 30, epochs: 1, batchSize: 10 };
  await writeFile(file, stringify({ name, search: 'grid', options, ...content }));
  return file;
}

it('publishes the best model of each data set under its own name, whatever becomes of the others', async () => {
  const bucket = openLocalBucket();
  const { url, layout } = bucket;
  const at = ['--bucket', url];
  const binary = { contentType: 'application/octet-stream' };
  for (const file of [
    'train-images-idx3',
    'train-labels-idx1',
    't10k-images-idx3',
    't10k-labels-idx1',
  ]) {
    const bytes = await readFile(join(folder, `hundred/${file}-ubyte`));
    await bucket.put(`${url.split('/')[3]}/data/remote-c/${file}-ubyte`, bytes, binary);
  }
  const datasets = ['shops/*', `${url}/data/remote-*`, { dataset: 'hundred', name: 'shop-d' }];
  const parameters = { learningRate: [0.0001, 0.003] };
  const file = await writeSweep('nightly', { datasets, parameters });

  const created = await sweep('create', '--file', file, ...at);
  expect(created).toMatchObject({ code: 0, result: { trials: 8 } });
  expect(created.result.datasets).toEqual([
    { dataset: 'shops/shop-a', name: 'shop-a' },
    { dataset: 'shops/shop-empty', name: 'shop-empty' },
    { dataset: `${url}/data/remote-c`, name: 'remote-c' },
    { dataset: 'hundred', name: 'shop-d' },
  ]);

  // A folder that is added during the night does not change the sweep.
  await mkdir(join(folder, 'shops/shop-later'));
  // As a cluster runs a trial of its index, on a machine that has the file.
  expect(await sweep('--file', file, '--index', '1', ...at)).toMatchObject({ code: 0 });

  const ran = await sweep('--sweep', 'nightly', '--local', '2', ...at);
  expect(ran.code, ran.stderr).toBe(1);
  expect(ran.stderr).toContain('2 of 8 trials are not done');
  // Nothing of the trials that are done is left on this machine, and their checkpoints not in the bucket.
  expect(existsSync(join(folder, 'runs/nightly/trial-0'))).toBe(false);
  expect(await bucket.listAll(layout.trialFile('nightly', 0, 'checkpoint/'))).toEqual([]);

  const { result: status } = await sweep('status', 'nightly', ...at);
  expect(status.trials.map((trial: Result) => trial.status.attempt)).toEqual(Array(8).fill(1));
  expect(status.trials[2]).toMatchObject({
    dataset: { name: 'shop-empty' },
    status: { state: 'misconfigured', message: expect.stringContaining('is not a data set') },
  });

  const publish = ['publish', 'nightly', ...at, '--alias', 'production'];
  const published = await sweep(...publish);
  expect(published.code).toBe(1);
  expect(published.result).toMatchObject({ published: 3, kept: 0, failed: 1 });
  const models = published.result.models;
  expect(models.map((model: Result) => model.model ?? model.error)).toEqual([
    'shop-a-cnn',
    'No trial has a result yet.',
    'remote-c-cnn',
    'shop-d-cnn',
  ]);
  const accuracyOf = (trial: number) => status.trials[trial].result.validation.accuracy;
  for (const [index, { model, version, trial, move }] of models.entries()) {
    if (!model) continue;
    expect(move.outcome).toBe('moved');
    const [first, second] = [accuracyOf(2 * index), accuracyOf(2 * index + 1)];
    expect(trial).toBe(2 * index + (second > first ? 1 : 0));
    const manifest = await readJson(bucket, layout.manifest(model, version), manifestSchema);
    expect(manifest?.value).toMatchObject({ name: model, dataset: { name: model.slice(0, -4) } });
    expect(manifest?.value.training).toMatchObject({
      learningRate: status.trials[trial].parameters.learningRate,
    });
    const alias = await readJson(bucket, layout.alias(model, 'production'), aliasSchema);
    expect(alias?.value.version).toBe(version);
  }

  // Again, as after an interruption: no version is published twice.
  const again = await sweep(...publish);
  expect(again.result.models.map(({ version }: Result) => version)).toEqual(
    models.map(({ version }: Result) => version),
  );
  expect(await bucket.list(layout.versions('shop-a-cnn'))).toHaveLength(1);
}, 300_000);

it.each([
  [
    'two of one name',
    { datasets: ['shops/shop-a', 'elsewhere/shop-a'] },
    'would both be shop-a-cnn',
  ],
  ['a pattern without a folder', { datasets: ['shops/x-*'] }, 'no folder fits'],
  [
    'a pattern in the middle',
    { datasets: ['s3://catwalk/*/data'] },
    'elsewhere than in its last part',
  ],
  [
    'a name for a path',
    { datasets: [{ dataset: 'shops/shop-a', name: '../x' }] },
    'letters a to z',
  ],
  [
    'another data set',
    { datasets: ['shops/*'], parameters: { dataset: ['a', 'b'] } },
    'together with datasets',
  ],
])('refuses %s', async (_, content, message) => {
  const file = await writeSweep('refused', content);
  const datasets = async () => {
    const { datasets: patterns = [] } = await readSweepFile(file);
    const here = patterns.map((pattern) =>
      typeof pattern === 'string' && !pattern.startsWith('s3:') ? join(folder, pattern) : pattern,
    );
    return expandDatasets(here, 1, {});
  };
  const error = await datasets().catch((reason) => reason);
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toContain(message);
});
