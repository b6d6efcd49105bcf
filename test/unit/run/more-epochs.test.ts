import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { startTraining } from '../../support/training-process.ts';

let folder: string;
let small: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-epochs-'));
  const dataset = await writeSmallDataset(folder);
  const sizes = ['--batch-size', '20', '--validation', '20', '--backend', 'wasm', '--threads', '2'];
  small = ['--dataset', dataset, ...sizes];
});
afterAll(() => rm(folder, { recursive: true }));

/** Trains and returns the run's folder, what was reported, and the end. */
async function train(...argv: string[]) {
  const training = startTraining(argv);
  const { code, stderr } = await training.ended;
  const { run } = training.reports.at(-1) ?? {};
  return { code, stderr, run: String(run), reports: training.reports };
}

async function started(name: string, ...settings: string[]) {
  const runs = join(folder, name);
  const trained = await train(...small, ...settings, '--runs', runs);
  expect(trained).toMatchObject({ code: 0, stderr: '' });
  expect(await readdir(runs)).toHaveLength(1);
  return trained.run;
}

async function epochsOf(run: string) {
  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line).weightsSha256 as string);
}

const configOf = async (run: string) =>
  JSON.parse(await readFile(join(run, 'config.json'), 'utf8')) as { epochs: number };

describe('--resume with more --epochs', () => {
  it('continues a finished run to the same bits as one that was started with them', async () => {
    const run = await started('short', '--epochs', '2');
    const resumed = await train('--resume', run, '--epochs', '4');
    expect(resumed).toMatchObject({ code: 0, stderr: '', run });
    expect(resumed.reports[0]).toMatchObject({
      message:
        'The run was planned for 2 epochs and continues to 4, as if it had been started with them.',
    });
    expect(await epochsOf(run)).toEqual(await epochsOf(await started('long', '--epochs', '4')));
    expect(await configOf(run)).toMatchObject({ epochs: 4 });

    const again = await train('--resume', run);
    expect(again.reports.map(({ event }) => event)).toEqual(['message', 'finished']);
  });

  it('says what a cosine schedule does', async () => {
    const cosine = ['--schedule', 'cosine', '--learning-rate', '0.001'];
    const run = await started('cosine', '--epochs', '2', ...cosine);
    const { code, reports } = await train('--resume', run, '--epochs', '4');
    expect(code).toBe(0);
    // Half of a cosine from 0.001 to 0: (1 + cos(π/2)) / 2.
    expect(reports[0]).toMatchObject({
      message: expect.stringContaining(
        'in epoch 3 the learning rate starts at 0.0005, and would have been 0. So the weights differ',
      ),
    });
    expect(await epochsOf(run)).toHaveLength(4);
  });

  it('refuses a run that stopped early', async () => {
    // A learning rate that moves no weight.
    const still = ['--learning-rate', '1e-30', '--patience', '1'];
    const run = await started('early', '--epochs', '5', ...still);
    expect(await epochsOf(run)).toHaveLength(2);
    const { code, stderr } = await train('--resume', run, '--epochs', '9');
    expect(code).toBe(2);
    expect(stderr).toContain(`the run stopped early after epoch 2`);
    expect(stderr).toContain(`--from ${run}`);
    expect(await configOf(run)).toMatchObject({ epochs: 5 });
  });
});
