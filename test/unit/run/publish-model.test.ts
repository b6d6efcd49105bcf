/** `train --publish` publishes the model that the run holds. Production names it, or what it named before. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Manifest } from '../../../shared/registry/manifest.ts';
import { readAlias } from '../../../trainer/registry/aliases.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { type AliasMoveResult, weightsOf } from '../../../trainer/registry/move-alias.ts';
import { readManifest } from '../../../trainer/registry/versions.ts';
import { publishRun } from '../../../trainer/run/publish.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';
import { prefixOf, uploadFolder } from '../../support/s3/upload-folder.ts';
import { startTraining } from '../../support/training-process.ts';

const name = 'hundred-cnn';
const alias = 'production';
/** The rate rises until the network unlearns, so an earlier epoch is the best. */
const unlearning = ['--learning-rate', '0.5', '--warmup-epochs', '3', '--epochs', '4'];
const settings = ['--batch-size', '5', '--average-decay', '0.5'];
const validated = [...unlearning, ...settings, '--validation', '30'];

let folder: string;
let dataset: string;
/** A run of one epoch that has learnt nothing. */
let untrained: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-publish-model-'));
  dataset = await writeSmallDataset(folder);
  ({ run: untrained } = await train('--epochs', '1', '--learning-rate', '1e-30'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Published {
  event: 'published';
  epoch: number;
  manifest: Manifest;
  move: AliasMoveResult;
}

async function train(...argv: string[]) {
  const source = argv.includes('--dataset') ? [] : ['--dataset', dataset];
  const machine = [...source, '--backend', 'wasm', '--threads', '2'];
  const runs = argv.includes('--resume') ? [] : [...machine, '--runs', join(folder, 'runs')];
  const training = startTraining([...argv, ...runs], undefined, bucketEnvironment);
  expect(await training.ended).toMatchObject({ code: 0, stderr: '' });
  const { reports } = training;
  const published = reports.filter(({ event }) => event === 'published') as unknown as Published[];
  return { run: String(reports.at(-1)?.run), reports, published };
}

const versionOf = async (bucket: Bucket) => (await readAlias(bucket, name, alias))?.value.version;

/** The weights that the alias serves. */
async function served(bucket: Bucket): Promise<string> {
  const manifest = await readManifest(bucket, name, (await versionOf(bucket)) ?? '');
  return manifest ? weightsOf(manifest) : '';
}

describe('if the alias names no model yet', () => {
  it.each([
    ['with validation images the best epoch', validated],
    ['without them the last epoch', [...unlearning, ...settings]],
  ])('each epoch that becomes the model is served, and at the end, %s', async (_, argv) => {
    const bucket = openLocalBucket();
    const { run, published } = await train(...argv, '--publish', bucket.url);
    const { epochs, epoch } = await readRun(run);
    const accuracies = epochs.map(({ validation }) => validation?.accuracy);
    const better = epochs.filter(({ validation }, i) =>
      accuracies.slice(0, i).every((earlier = 0) => !validation || validation.accuracy > earlier),
    );
    expect(published.map(({ epoch }) => epoch)).toEqual(better.map(({ epoch }) => epoch));
    expect(published.map(({ move }) => move.outcome)).toEqual(better.map(() => 'moved'));
    // The gate would have kept an earlier one.
    expect(epoch.accuracy).toBeLessThan(Math.max(...epochs.map(({ accuracy }) => accuracy)));
    expect(await served(bucket)).toBe(epoch.weightsSha256);
  });
});

it('if it names another model, the run is published at the end, as its best epoch', async () => {
  const bucket = openLocalBucket();
  const worse = join(folder, 'runs', 'worse');
  await cp(untrained, worse, { recursive: true });
  const file = join(worse, 'metrics.jsonl');
  const line = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, `${JSON.stringify({ ...line, accuracy: 0 })}\n`);
  await publishRun(bucket, worse, { alias });
  const { run, reports, published } = await train(...validated, '--publish', bucket.url);
  const { epoch } = await readRun(run);
  expect(published).toMatchObject([{ epoch: epoch.epoch, move: { outcome: 'moved' } }]);
  expect(reports.slice(-2).map(({ event }) => event)).toEqual(['published', 'finished']);
  expect(await served(bucket)).toBe(epoch.weightsSha256);
});

it('a run that was interrupted before it was published is published when it is resumed', async () => {
  const bucket = openLocalBucket();
  const { published } = await train('--resume', untrained, '--publish', bucket.url);
  expect(published).toMatchObject([{ epoch: 1, move: { outcome: 'moved' } }]);
  expect(await served(bucket)).toBe((await readRun(untrained)).epoch.weightsSha256);
  const again = await train('--resume', untrained, '--publish', bucket.url);
  expect(again.published).toMatchObject([
    { manifest: published[0]?.manifest, move: { outcome: 'unchanged' } },
  ]);
});

it('weights that are stored in another type are measured on a data set in a bucket', async () => {
  const bucket = openLocalBucket();
  await uploadFolder(bucket, dataset, `${prefixOf(bucket)}data/hundred/`);
  const { run } = await train('--epochs', '1', '--dataset', `${bucket.url}/data/hundred`);
  for (const [variable, value] of Object.entries(bucketEnvironment)) vi.stubEnv(variable, value);
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  const { manifest } = await publishRun(bucket, run, { dtype: 'uint8' });
  vi.unstubAllEnvs();
  expect(manifest.training).toMatchObject({ dtype: 'uint8' });
  expect(manifest.metrics.perClass).toHaveLength(10);
});
