/** Training MobileNet's last layers on a folder of photos, from the command line, with random pretrained layers. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isMobilenet } from '../../../shared/model/mobilenet.ts';
import { openBackbone } from '../../../trainer/backbone/open-backbone.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { evaluateModel } from '../../../trainer/evaluate/evaluate-model.ts';
import { modelOfRun } from '../../../trainer/evaluate/trained-model.ts';
import { readModelWeights } from '../../../trainer/weights/read-model-weights.ts';
import { tomatoes, writeTomatoes } from '../../support/datasets/write-tomatoes.ts';
import { writeRandomBackbone } from '../../support/models/random-backbone.ts';
import { startTraining } from '../../support/training-process.ts';

let root: string;
let folder: string;
let backbone: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-mobilenet-'));
  folder = join(root, 'tomatoes');
  await writeTomatoes(folder, { train: 10, test: 3 });
  backbone = await writeRandomBackbone(join(root, 'backbone'));
});
afterAll(() => rm(root, { recursive: true }));

const cache = () => ({ XDG_CACHE_HOME: join(root, 'cache') });

function start(argv: string[], onReport?: Parameters<typeof startTraining>[1]) {
  const more = ['--backend', 'wasm', '--threads', '2', '--runs', join(root, 'runs')];
  const isNew = argv[0] !== '--resume';
  const own = ['--dataset', folder, '--backbone', backbone, '--size', '96', '--batch-size', '16'];
  return startTraining(isNew ? [...own, ...more, ...argv] : argv, onReport, cache());
}

async function train(...argv: string[]) {
  const training = start(argv);
  const { code, stderr } = await training.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const messages = training.reports.flatMap(({ message = [] }) => message as string | string[]);
  return { run: String(training.reports.at(-1)?.run), messages };
}

const read = (run: string, file: string) => readFile(join(run, file));
const configOf = async (run: string) => JSON.parse(String(await read(run, 'config.json')));

it('trains the last blocks, and publishes them with the frozen layers as one network', async () => {
  const { run, messages } = await train('--epochs', '1');
  expect(messages.join('\n')).toMatch(/The network is mobilenet: photos in colour/);
  const { spec, recipe, network, parent, trainedBlocks } = await configOf(run);
  expect({ recipe, network, trainedBlocks }).toEqual({
    recipe: 'mobilenet',
    network: 'mobilenet',
    trainedBlocks: 6,
  });
  expect(isMobilenet(spec)).toBe(true);
  expect(spec).toMatchObject({ inputShape: [96, 96, 3], labels: tomatoes });
  expect(spec.preprocessing).toMatchObject({ mean: 0.5, std: 0.5, fit: 'stretch' });
  expect(parent.file).toBe(backbone);

  await openBackend('cpu');
  const files = {
    'model.json': await read(run, 'model/model.json'),
    'weights.bin': await read(run, 'model/weights.bin'),
  };
  const weights = await readModelWeights(spec, files);
  const pretrained = (await openBackbone({ backbone })).weights;
  const isSame = (at: number) =>
    Buffer.from(weights[at]?.values.buffer as ArrayBuffer).equals(
      Buffer.from(pretrained[at]?.values.buffer as ArrayBuffer),
    );
  const frozen = 2 * 15;
  for (let at = 0; at < pretrained.length; at++) expect(isSame(at)).toBe(at < frozen);

  // What was measured on features is what the published files answer.
  const options = { backend: 'cpu', device: 'cpu', cacheDir: join(root, 'cache') } as const;
  const { metrics } = await evaluateModel(await modelOfRun(run), options);
  const [line = ''] = String(await read(run, 'metrics.jsonl')).split('\n');
  const recorded = JSON.parse(line);
  expect(metrics.confusion).toEqual(recorded.confusion);
  expect(Math.abs(metrics.loss - recorded.loss)).toBeLessThan(1e-4);
  tf.disposeVariables();
}, 120_000);

it('resumes to the same bits', async () => {
  const checkpoints = ['--checkpoint-steps', '1', '--validation', '8'];
  const once = await train(...checkpoints, '--epochs', '2');
  const training = start([...checkpoints, '--epochs', '2'], ({ event }, child) => {
    if (event === 'checkpoint') child.kill('SIGTERM');
  });
  expect((await training.ended).code).toBe(143);
  const messages = training.reports.flatMap(({ message = [] }) => message as string | string[]);
  const [, run = ''] = /--resume (\S+)/.exec(messages.join('\n')) ?? [];
  await train('--resume', run);
  for (const file of ['model/weights.bin', 'model/last/weights.bin']) {
    expect(Buffer.compare(await read(run, file), await read(once.run, file)), file).toBe(0);
  }
}, 180_000);

it('publishes weights as bytes, measured as they are published', async () => {
  const { run } = await train('--recipe', 'fast', '--epochs', '1', '--dtype', 'uint8');
  expect(await configOf(run)).toMatchObject({ recipe: 'fast', trainedBlocks: 4, dtype: 'uint8' });
  const options = { backend: 'cpu', device: 'cpu', cacheDir: join(root, 'cache') } as const;
  const { metrics } = await evaluateModel(await modelOfRun(run), options);
  const [line = ''] = String(await read(run, 'metrics.jsonl')).split('\n');
  expect(Math.abs(metrics.loss - JSON.parse(line).loss)).toBeLessThan(1e-4);
}, 120_000);

it.each(['0', '4'])(
  'records how many images validate a training of %s blocks',
  async (blocks) => {
    const argv = ['--recipe', 'fast', '--trained-blocks', blocks];
    const { run } = await train(...argv, '--epochs', '1', '--validation', '8');
    const [line = ''] = String(await read(run, 'metrics.jsonl')).split('\n');
    expect(JSON.parse(line).validation.images).toBe(8);
  },
  120_000,
);

it('starts from a model of its own', async () => {
  const first = await train('--epochs', '1', '--recipe', 'fast');
  const training = startTraining(
    ['--dataset', folder, '--from', first.run, '--epochs', '1', '--runs', join(root, 'runs')],
    undefined,
    cache(),
  );
  expect(await training.ended).toMatchObject({ code: 0 });
  const run = String(training.reports.at(-1)?.run);
  expect((await configOf(run)).spec).toMatchObject({ inputShape: [96, 96, 3], labels: tomatoes });
}, 120_000);

it.each([
  [['--colour', 'grey', '--network', 'mobilenet'], /--colour: mobilenet sees colours/],
  [['--recipe', 'photo', '--network', 'mobilenet'], /--recipe: photo is not for .*mobilenet, fast/],
  [['--network', 'mobilenet', '--shift', '2'], /--shift: is not for mobilenet.*--views/],
  [['--network', 'tutorial', '--trained-blocks', '2'], /--trained-blocks: is only for mobilenet/],
  [['--network', 'tutorial', '--views', '2'], /--views: is only for mobilenet.* tutorial/],
])('refuses %j', async (argv, expected) => {
  const { code, stderr } = await start(argv).ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(expected);
});
