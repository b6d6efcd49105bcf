import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { smallTraining, startTraining } from '../../support/training-process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-divergence-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('reports the step and what to do, writes no model, and reports the same when it is resumed', async () => {
  const dataset = await writeSmallDataset(folder);
  const runs = join(folder, 'runs');
  const rate = ['--optimizer', 'sgd', '--learning-rate', '1e12'];
  const { ended } = startTraining([...smallTraining(dataset), ...rate, '--runs', runs]);
  const { code, stderr } = await ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: The training diverged in epoch 1, step \d of 9, at a learning rate of \d+: the loss is NaN\..* lower --learning-rate, such as \d+/,
  );
  const [run = ''] = await readdir(runs);
  expect(existsSync(join(runs, run, 'model'))).toBe(false);

  const resumed = await startTraining(['--resume', join(runs, run)]).ended;
  expect(resumed).toEqual({ code, stderr });
});
