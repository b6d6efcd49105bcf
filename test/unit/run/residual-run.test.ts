/** Training the residual network from the command line: its batch normalization is in the run's config, and not in its model. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { normalizePixels } from '../../../shared/model/predict.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { whiteningFilters } from '../../../trainer/train/whiten.ts';
import type { LayerTensor } from '../../../trainer/weights/tensor.ts';
import { writeTomatoes } from '../../support/datasets/write-tomatoes.ts';
import { startTraining } from '../../support/training-process.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-residual-run-'));
  folder = join(root, 'tomatoes');
  await writeTomatoes(folder, { train: 12, test: 3 });
});
afterAll(() => rm(root, { recursive: true }));

async function train(...argv: string[]): Promise<string> {
  const training = startTraining(argv);
  const { code, stderr } = await training.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return String(training.reports.at(-1)?.run);
}

const settings = () => [
  ...['--dataset', folder, '--network', 'residual', '--size', '32', '--batch-size', '16'],
  ...[
    '--warmup-epochs',
    '0',
    '--learning-rate',
    '0.02',
    '--backend',
    'wasm',
    '--threads',
    '2',
    '--runs',
    join(root, 'runs'),
  ],
];

it('resumes to the same bits, and its model gives the answers that were measured', async () => {
  const once = await train(...settings(), '--epochs', '3', '--schedule', 'constant');
  const run = await train(...settings(), '--epochs', '2', '--schedule', 'constant');
  await train('--resume', run, '--epochs', '3');
  const weightsOf = (path: string) => readFile(join(path, 'model/weights.bin'));
  expect(Buffer.compare(await weightsOf(run), await weightsOf(once))).toBe(0);

  const { config, files, epoch } = await readRun(once);
  expect(config).toMatchObject({ network: 'residual', recipe: 'residual' });
  expect(JSON.stringify(config.spec)).not.toMatch('batchNorm');
  expect(config.trainingLayers?.filter(({ type }) => type === 'batchNorm').length).toBe(7);
  expect(JSON.stringify(config.spec)).not.toMatch('fixed');

  // The first convolution has the filters that the training images give it, to the last bit, and no bias.
  const { train: images } = await loadDataset({ dataset: folder, size: 32, colour: 'rgb' });
  const trained = { ...config.spec, layers: config.trainingLayers ?? [] };
  const [filters, bias] = whiteningFilters(trained, images) as [LayerTensor, LayerTensor];
  const weights = new Float32Array(new Uint8Array(files['weights.bin']).buffer);
  expect(weights.slice(0, 432)).toEqual(filters.values);
  expect(weights.slice(432, 448)).toEqual(bias.values);

  await tf.setBackend('cpu');
  const { modelTopology, weightsManifest } = JSON.parse(String(Buffer.from(files['model.json'])));
  const model = await loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weightsManifest[0].weights,
      weightData: new Uint8Array(files['weights.bin']).buffer,
    }),
  );
  const { test } = await loadDataset({ dataset: folder, size: 32, colour: 'rgb' });
  const input = tf.tensor(normalizePixels(test.images, config.spec.preprocessing), [
    test.count,
    32,
    32,
    3,
  ]);
  const answers = tf.argMax(model.predict(input) as tf.Tensor2D, 1).dataSync();
  const right = answers.filter((id, image) => id === test.labels[image]).length;
  expect(right / test.count).toBeCloseTo(epoch.accuracy, 6);
  // Guessing gets a quarter.
  expect(epoch.accuracy).toBeGreaterThan(0.5);

  // It can be the start of another training, which has no batch normalization.
  const child = await train(
    '--from',
    once,
    ...settings().filter((word) => word !== '--network' && word !== 'residual'),
    '--epochs',
    '1',
  );
  expect((await readRun(child)).config.spec.layers).toEqual(config.spec.layers);
});
