import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifestSchema } from '../../../shared/registry/manifest.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { exportRun } from '../../../trainer/evaluate/export-run.ts';
import { openBucket } from '../../../trainer/registry/bucket.ts';
import { readJson } from '../../../trainer/registry/read-json.ts';
import { publishRun } from '../../../trainer/run/publish.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { fixture } from '../../support/models/narrow-network.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';
import { startTraining } from '../../support/training-process.ts';

let folder: string;
let dataset: string;
/** The run to start from. */
let parent: string;
const machine = ['--backend', 'wasm', '--threads', '2', '--batch-size', '50'];
/** No step changes a weight, so the first weights are the last. */
const still = ['--epochs', '1', '--learning-rate', '1e-30'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-from-'));
  dataset = await writeSmallDataset(folder);
  ({ run: parent } = await train('--dataset', dataset, '--epochs', '1', '--seed', '7'));
});
afterAll(() => rm(folder, { recursive: true }));

async function train(...argv: string[]) {
  const runs = argv.includes('--resume') ? [] : [...machine, '--runs', join(folder, 'runs')];
  const training = startTraining([...argv, ...runs], undefined, bucketEnvironment);
  const { code, stderr } = await training.ended;
  const { reports } = training;
  const run = String(reports.at(-1)?.run);
  const messages = reports.filter(({ event }) => event === 'message');
  return { code, stderr, run, messages: messages.map(({ message }) => message), reports };
}

/** The same images with three labels. */
async function writeThreeLabels(): Promise<string> {
  const three = join(folder, 'three');
  await cp(dataset, three, { recursive: true });
  for (const part of ['train', 't10k']) {
    const file = join(three, `${part}-labels-idx1-ubyte`);
    const bytes = await readFile(file);
    await writeFile(
      file,
      bytes.map((byte, at) => (at < 8 ? byte : byte % 3)),
    );
  }
  await writeFile(join(three, 'labels.txt'), 'a\nb\nc\n');
  return three;
}

const weightsOf = async (run: string) => {
  const { files, config, epoch } = await readRun(run);
  return { bytes: Buffer.from(files['weights.bin']), config, sha256: epoch.weightsSha256 };
};

describe('--from', () => {
  it('a run starts with its weights and names it', async () => {
    const child = await train('--dataset', dataset, ...still, '--from', parent);
    expect(child).toMatchObject({ code: 0, stderr: '' });
    expect(child.messages).toContain(`Starting from the weights of ${parent}`);
    const [from, to] = [await weightsOf(parent), await weightsOf(child.run)];
    expect(to.sha256).toBe(from.sha256);
    const file = `${parent.split('/').at(-1)}/model/weights.bin`;
    expect(to.config.parent).toEqual({ file, sha256: from.sha256 });
    expect(await readFile(join(child.run, 'README.md'), 'utf8')).toContain(
      `epoch 1 of 1, started from ${file}`,
    );
    // A run without a parent has other weights.
    const alone = await train('--dataset', dataset, ...still);
    expect((await weightsOf(alone.run)).sha256).not.toBe(from.sha256);
  });

  it('a run with other labels keeps all layers but the last', async () => {
    const three = await writeThreeLabels();
    const child = await train('--dataset', three, ...still, '--from', parent);
    expect(child).toMatchObject({ code: 0, stderr: '' });
    expect(child.messages).toContain(
      `Starting from the weights of ${parent}. It has other labels, so the last layer starts anew`,
    );
    const [from, to] = [await weightsOf(parent), await weightsOf(child.run)];
    const kept = 4 * (688_138 - 512 * 10 - 10);
    expect(Buffer.compare(to.bytes.subarray(0, kept), from.bytes.subarray(0, kept))).toBe(0);
    expect(to.bytes.length - kept).toBe(4 * (512 * 3 + 3));
    expect(to.config.spec.labels).toEqual(['a', 'b', 'c']);

    const back = await train('--dataset', dataset, ...still, '--from', child.run);
    expect((await weightsOf(back.run)).bytes.length).toBe(4 * 688_138);

    // Resumed, the network is that of the run.
    const longer = await train('--resume', child.run, '--epochs', '2');
    expect(longer).toMatchObject({ code: 0, stderr: '' });
    expect((await weightsOf(child.run)).sha256).toBe(to.sha256);
  });

  it('a version in a bucket, or an alias, and the published manifest names it', async () => {
    const bucket = openLocalBucket();
    const { manifest } = await publishRun(bucket, parent, { alias: 'production' });
    const { name, version } = manifest;
    const { sha256 } = await weightsOf(parent);
    const places = [`versions/${version}`, 'aliases/production'];
    for (const place of places) {
      const from = `${bucket.url}/models/${name}/${place}`;
      const publish = ['--publish', `${bucket.url}/other`];
      const child = await train('--dataset', dataset, ...still, '--from', from, ...publish);
      expect(child).toMatchObject({ code: 0, stderr: '' });
      expect((await weightsOf(child.run)).sha256).toBe(sha256);
      const published = child.reports.find(({ event }) => event === 'published');
      const { version: newest } = (published?.manifest ?? {}) as { version: string };
      const other = openBucket({ url: `${bucket.url}/other`, environment: bucketEnvironment });
      const stored = await readJson(other, other.layout.manifest(name, newest), manifestSchema);
      expect(stored?.value.parent).toEqual({ version, name });
    }
  });

  it('a file of weights, also with other labels', async () => {
    await openBackend('cpu');
    const file = join(folder, 'parent.safetensors');
    await writeFile(file, await exportRun(await readRun(parent), 'safetensors'));
    const child = await train('--dataset', dataset, ...still, '--from', file);
    const [from, to] = [await weightsOf(parent), await weightsOf(child.run)];
    expect(to.sha256).toBe(from.sha256);
    expect(to.config.parent).toEqual({
      file: 'parent.safetensors',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const scale = ['--mean', '0', '--std', '1'];
    const scaled = await train('--dataset', dataset, ...still, '--from', file, ...scale);
    expect((await weightsOf(scaled.run)).sha256).toBe(from.sha256);
    const { preprocessing } = (await weightsOf(scaled.run)).config.spec;
    expect(preprocessing).toMatchObject({ mean: 0, std: 1 });
    const three = join(folder, 'three');
    const other = await train('--dataset', three, ...still, '--from', file);
    expect(other.messages.join()).toContain('so the last layer starts anew');
    expect((await weightsOf(other.run)).bytes.length).toBe(4 * (688_138 - 7 * 513));
  });

  it.each([
    ['no such file', ['--from', 'nothing.pth'], 1, /nothing\.pth can't be read: ENOENT/],
    ['a folder that is no run', ['--from', '.'], 1, /is not a run with a trained model/],
    [
      'a bucket without a version',
      ['--from', 's3://catwalk/models/hundred-cnn'],
      2,
      /--from: .*does not name a model\. Write s3:\/\/bucket\/prefix\/models\/<name>\/versions/,
    ],
    [
      'an alias that does not exist',
      ['--from', 's3://catwalk/nowhere/models/hundred-cnn/aliases/production'],
      1,
      /There is no alias production of hundred-cnn/,
    ],
    ['a key that the file lacks', ['--from', fixture('narrow.pth'), '--key', 'ema'], 1, /"?ema"?/],
    [
      'a scale of a run, which has its own',
      ['--from', 'test', '--mean', '0'],
      2,
      /--mean: is only for a file of weights; test has its own/,
    ],
    ['a scale of nothing', ['--std', '1'], 2, /--std: is only for the file of --from/],
    ['--resume beside it', ['--from', 'a', '--resume', 'b'], 2, /leave out --from or --resume/],
  ])('refuses %s', async (_, argv, code, message) => {
    const refused = await train('--dataset', dataset, ...argv);
    expect(refused).toMatchObject({ code, stderr: expect.stringMatching(message) });
  });
});
