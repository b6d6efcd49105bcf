import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';
import { smallTraining, startTraining } from '../../support/training-process.ts';

let folder: string;
/** Arguments of the training. */
let small: string[];
let dataset: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-resume-'));
  dataset = await writeSmallDataset(folder);
  // Each is 11 MB over HTTP.
  small = [...smallTraining(dataset), '--checkpoint-steps', '4'];
});
afterAll(() => rm(folder, { recursive: true }));

it('resumes from a bucket on a machine without the run, with the same bits', async () => {
  const environment = bucketEnvironment;
  const url = openLocalBucket().url;
  const [first, second, whole] = ['first', 'second', 'whole'].map((name) => join(folder, name));
  const weightsIn = async (runs: string) => {
    const [run, ...others] = await readdir(runs);
    expect(others).toEqual([]);
    return (await readFile(join(runs, run as string, 'model/last/weights.bin'))).toString('base64');
  };
  const killed = startTraining(
    [...small, '--runs', first as string, '--checkpoint', url],
    ({ event, epoch, step }, child) => {
      if (event === 'checkpoint' && epoch === 2 && Number(step) >= 2) child.kill('SIGKILL');
    },
    environment,
  );
  expect((await killed.ended).code).toBeNull();

  const occupied = startTraining(
    [...small, '--runs', folder, '--checkpoint', url],
    undefined,
    environment,
  );
  expect(await occupied.ended).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`--resume ${url}`),
  });

  const resumed = startTraining(
    ['--resume', url, '--runs', second as string, '--dataset', dataset],
    undefined,
    environment,
  );
  expect(await resumed.ended).toMatchObject({ code: 0, stderr: '' });
  const progress = resumed.reports.find(({ event }) => event === 'progress');
  expect(progress).toMatchObject({ epoch: 2 });

  const uninterrupted = startTraining([...small, '--runs', whole as string]);
  expect(await uninterrupted.ended).toMatchObject({ code: 0 });
  expect(await weightsIn(second as string)).toBe(await weightsIn(whole as string));
}, 300_000);
