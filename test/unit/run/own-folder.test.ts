/** Training on a folder of images with validation/, from the command line. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeShapes } from '../../support/datasets/write-shapes.ts';
import { startTraining } from '../../support/training-process.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-own-folder-'));
  folder = join(root, 'shapes');
  await writeShapes(folder, { train: 20, validation: 4, test: 6 });
  for (let i = 4; i < 20; i++) await rm(join(folder, `train/circle/${i}.png`));
});
afterAll(() => rm(root, { recursive: true }));

interface Measured {
  metrics: { accuracy: number; loss: number };
  validation?: { perClass: { label: string; support: number }[] };
}

/** Trains for two epochs. @returns the reports, the run's folder and its config.json */
async function train(dataset: string, ...more: string[]) {
  const runs = await mkdtemp(join(root, 'runs-'));
  const settings = ['--epochs', '2', '--batch-size', '8', '--backend', 'wasm', '--runs', runs];
  const training = startTraining(['--dataset', dataset, ...settings, ...more]);
  const { code, stderr } = await training.ended;
  const [name] = await readdir(runs);
  const run = name && join(runs, name);
  const config = run && JSON.parse(await readFile(join(run, 'config.json'), 'utf8'));
  const epochs = training.reports.filter(({ event }) => event === 'epoch') as unknown as Measured[];
  return { code, stderr, reports: training.reports, epochs, run, config };
}

it('uses validation/ to choose the epoch, and weights labels with few images', async () => {
  const trained = await train(folder, '--class-weights', 'balanced', '--patience', '5');
  expect(trained.code).toBe(0);
  const { reports, epochs, run, config } = trained;
  expect(reports[0]).toEqual({ event: 'reading', done: 0, of: 74 });
  expect(reports.find(({ event }) => event === 'dataset')).toMatchObject({
    train: 44,
    validation: 12,
    test: 18,
    perLabel: [
      { label: 'circle', train: 4, validation: 4, test: 6 },
      { label: 'square', train: 20, validation: 4, test: 6 },
      { label: 'triangle', train: 20, validation: 4, test: 6 },
    ],
    folder: { split: 'folders', skipped: [], duplicates: [] },
  });
  expect(reports.find(({ event }) => event === 'started')).toMatchObject({ images: 44 });
  expect(epochs[1]?.validation?.perClass.map(({ support }) => support)).toEqual([4, 4, 4]);
  expect(config).toMatchObject({ classWeights: 'balanced', validation: 0, patience: 5 });
  const plain = await train(folder);
  expect(plain.epochs[0]?.metrics.loss).not.toBe(epochs[0]?.metrics.loss);

  // Measures the same model on the folder in its new place.
  const moved = join(root, 'moved');
  await rename(folder, moved);
  const evaluate = (...options: string[]) =>
    promisify(execFile)(process.execPath, [
      cli,
      ...['evaluate', `${run}`, '--backend', 'wasm', '--json', ...options],
    ]);
  await expect(evaluate()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/The data set of shapes-cnn is not in .* any more\..*--data-dir/),
  });
  const { stdout } = await evaluate('--data-dir', moved);
  const { recorded, metrics, dataset } = JSON.parse(stdout);
  expect(metrics.accuracy).toBe(recorded.accuracy);
  expect(dataset).toEqual({ name: 'moved', images: 18 });
  await rename(moved, folder);
});

it('holds back a share of the training images, and needs some for --patience', async () => {
  const part = join(root, 'part');
  await cp(folder, part, { recursive: true });
  await rm(join(part, 'validation'), { recursive: true });
  const refused = await train(part, '--patience', '5');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/--patience: needs --validation, or validation\/ in a folder/);

  const { code, epochs, config } = await train(part, '--patience', '5', '--validation', '25%');
  expect(code).toBe(0);
  expect(config.validation).toBe(11);
  const supports = epochs[0]?.validation?.perClass.map(({ support }) => support) ?? [];
  expect(supports.reduce((sum, support) => sum + support, 0)).toBe(11);
});
