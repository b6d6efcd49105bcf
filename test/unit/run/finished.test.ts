import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { startTraining } from '../../support/training-process.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');

let folder: string;
let dataset: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-finished-'));
  dataset = await writeSmallDataset(folder);
});
afterAll(() => rm(folder, { recursive: true }));

interface Epoch {
  epoch: number;
  metrics: { accuracy: number; loss: number };
  validation: { accuracy: number };
}

it('reports at the end the model that the run holds, not the last epoch', async () => {
  const runs = join(folder, 'runs');
  // The rate rises until the network unlearns.
  const rate = ['--learning-rate', '0.5', '--warmup-epochs', '3', '--epochs', '4'];
  const settings = ['--batch-size', '5', '--validation', '30', '--average-decay', '0.5'];
  const machine = ['--backend', 'wasm', '--threads', '2', '--runs', runs];
  const training = startTraining(['--dataset', dataset, ...rate, ...settings, ...machine]);
  expect(await training.ended).toMatchObject({ code: 0 });
  const epochs = training.reports.filter(({ event }) => event === 'epoch') as unknown as Epoch[];
  const [last] = epochs.slice(-1);
  const best = epochs.reduce((a, b) => (b.validation.accuracy > a.validation.accuracy ? b : a));
  expect(best.epoch).toBeLessThan(4);
  expect(best.metrics.loss).not.toBe(last?.metrics.loss);

  const [name = ''] = await readdir(runs);
  const run = join(runs, name);
  const describing = ({ epoch, metrics: { accuracy, loss } }: Epoch) => ({
    event: 'finished',
    run,
    epoch,
    accuracy,
    loss,
    lastEpoch: 4,
  });
  expect(training.reports.at(-1)).toMatchObject(describing(best));
  const evaluated = await promisify(execFile)(process.execPath, [
    cli,
    ...['evaluate', run, '--backend', 'wasm', '--json'],
  ]);
  const { metrics } = JSON.parse(evaluated.stdout) as Epoch;
  expect(metrics.accuracy).toBe(best.metrics.accuracy);
  expect(metrics.loss).toBeCloseTo(best.metrics.loss, 5);
  const page = (file: string) => readFile(join(run, file), 'utf8');
  expect(await page('README.md')).toContain(`epoch ${best.epoch} of 4`);

  // A run that resumed on another machine, which did not have the best weights.
  await cp(join(run, 'model/last'), join(run, 'model'), { recursive: true });
  await rm(join(run, 'report.html'));
  const resumed = startTraining(['--resume', run]);
  expect(await resumed.ended).toMatchObject({ code: 0 });
  expect(resumed.reports.at(-1)).toMatchObject(describing(last as Epoch));
  expect(await page('README.md')).toContain('epoch 4 of 4');
});
