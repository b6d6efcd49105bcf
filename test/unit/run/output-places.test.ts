import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { smallTraining, startTraining } from '../../support/training-process.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
let folder: string;
let small: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-places-'));
  small = [...smallTraining(await writeSmallDataset(folder)), '--checkpoint-steps', '99'];
});
afterAll(() => rm(folder, { recursive: true }));

it.skipIf(!existsSync('/dev/full'))(
  'a log on a full disk does not end the training, which says so and exits with 1',
  async () => {
    const runs = join(folder, 'full');
    const stdio = ['ignore', openSync('/dev/full', 'w'), 'pipe'] as const;
    const child = spawn(process.execPath, [cli, 'train', ...small, '--runs', runs], {
      stdio: [...stdio],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(stderr).toMatch(/^error: The output can't be written: ENOSPC.*continues without\.\n$/);
    const [run = ''] = await readdir(runs);
    expect(existsSync(join(runs, run, 'report.html'))).toBe(true);
  },
);

it('a folder that cannot hold the run ends it with what to do', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  const { code, stderr } = await startTraining([...small, '--runs', join(file, 'runs')]).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: The run's folder can't be created: ENOTDIR.* Name a folder that you can write to with --runs\.\n$/,
  );
});

it('the command that resumes is one that a shell accepts', async () => {
  const runs = join(folder, "my runs, it's");
  const training = startTraining([...small, '--runs', runs], ({ event, step }, child) => {
    if (event === 'progress' && step === 2) child.kill('SIGTERM');
  });
  expect(await training.ended).toMatchObject({ code: 143 });
  const [run = ''] = await readdir(runs);
  const quoted = `'${folder}/my runs, it'\\''s/${run}'`;
  expect(training.reports.at(-1)?.message).toContain(
    `Resume with: npx catwalk train --resume ${quoted}`,
  );
});
