import { type ChildProcess, execFileSync } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import seedrandom from 'seedrandom';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { planRun } from '../../../trainer/run/plan-run.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { moveRun, openRunFolder } from '../../../trainer/run/run-folder.ts';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { requirement } from '../../support/requirement.ts';
import { smallTraining, startTraining } from '../../support/training-process.ts';

/** How often the training is killed. */
const maxKills = inject('whole') ? 20 : 3;
const signals: [NodeJS.Signals, number][] = [['SIGHUP', 129]];
if (inject('whole')) signals.push(['SIGINT', 130], ['SIGTERM', 143]);
let folder: string;
/** Arguments of the training. */
let small: string[];
/** An uninterrupted run. */
let whole: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-resume-'));
  small = smallTraining(await writeSmallDataset(folder));
  const { ended } = startTraining([...small, '--runs', join(folder, 'whole')]);
  expect(await ended).toMatchObject({ code: 0 });
  whole = await onlyRun(join(folder, 'whole'));
}, 300_000);
afterAll(() => rm(folder, { recursive: true }));

async function onlyRun(runs: string): Promise<string> {
  const [run, ...others] = existsSync(runs) ? await readdir(runs) : [];
  expect(others).toEqual([]);
  return run === undefined ? '' : join(runs, run);
}

/** Returns the weights of the last and the best epoch, and their metrics without durations. */
async function outcomeOf(run: string) {
  const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  const epochs = lines.map((line) => {
    const { seconds: _, imagesPerSecond: __, ...rest } = JSON.parse(line);
    return rest;
  });
  const weights = ['model/last/weights.bin', 'model/weights.bin'];
  const [last, best] = await Promise.all(
    weights.map(async (file) => (await readFile(join(run, file))).toString('base64')),
  );
  return { epochs, last, best };
}

const isKilledEnough = ({ kills, whileWriting }: { kills: number; whileWriting: number }) =>
  kills >= maxKills && whileWriting > 0;

/** Starts or resumes the training in `runs`, and kills it at a random moment unless that was done often enough. */
async function isFinished(
  runs: string,
  random: () => number,
  counts: { kills: number; whileWriting: number },
): Promise<boolean> {
  const run = await onlyRun(runs);
  const isResumable = run !== '' && existsSync(join(run, 'config.json'));
  if (!isResumable && run !== '') await rm(run, { recursive: true });
  const checkpoints = join(run, 'checkpoint');
  const isWhileWriting =
    2 * counts.whileWriting < counts.kills && isResumable && existsSync(checkpoints);
  const steps = Math.floor(random() * 4);
  const moment = random() * 300;
  let seen = 0;
  let isDue = !isKilledEnough(counts);
  const kill = (child: ChildProcess) => {
    if (!isDue) return;
    isDue = false;
    if (isWhileWriting) counts.whileWriting++;
    if (child.kill('SIGKILL')) counts.kills++;
  };
  const again = isResumable ? ['--resume', run] : [...small, '--runs', runs];
  const training = startTraining(again, async ({ event }, child) => {
    if (event === 'progress') seen++;
    if (isWhileWriting || seen < steps || !['started', 'progress'].includes(String(event))) return;
    await wait(moment);
    kill(child);
  });
  const watcher =
    isWhileWriting &&
    watch(checkpoints, (_, file) => {
      if (file?.endsWith('.part')) kill(training.child);
    });
  const { code, stderr } = await training.ended;
  if (watcher) watcher.close();
  expect(stderr).toBe('');
  // The code is null if it was killed.
  expect(code, JSON.stringify(training.reports.at(-1))).toBeOneOf([0, null]);
  return code === 0;
}

describe('a training that is killed', () => {
  it(`resumes ${maxKills} times at the same step, and ends with the same bits`, async () => {
    const random = seedrandom.alea('kills');
    const counts = { kills: 0, whileWriting: 0 };
    // A training may end before it was killed often enough; then the next one is killed.
    for (let round = 1; !isKilledEnough(counts); round++) {
      const runs = join(folder, `killed-${round}`);
      while (!(await isFinished(runs, random, counts)));
      expect(await outcomeOf(await onlyRun(runs))).toEqual(await outcomeOf(whole));
    }
    expect(counts.whileWriting).toBeGreaterThan(0);
  }, 600_000);

  it.each(signals)(
    'by %s writes a checkpoint and ends with %d',
    async (signal, exitCode) => {
      const runs = join(folder, signal);
      const first = startTraining(
        // Only the final checkpoint.
        [...small, '--checkpoint-steps', '999', '--runs', runs],
        ({ event, epoch, step }, child) => {
          if (event === 'progress' && epoch === 2 && step === 2) child.kill(signal);
        },
      );
      const { code, stderr } = await first.ended;
      expect(code).toBe(exitCode);
      expect(stderr).toContain(`Stopped by ${signal}`);
      expect(first.reports.at(-1)).toMatchObject({
        event: 'message',
        message: expect.stringContaining(`--resume ${await onlyRun(runs)}`),
      });
      // The report exists even after an interruption.
      expect(await readdir(await onlyRun(runs))).toContain('report.html');
      const second = startTraining(['--resume', await onlyRun(runs)]);
      expect(await second.ended).toMatchObject({ code: 0, stderr: '' });
      const { epoch, step } = second.reports.find(({ event }) => event === 'progress') ?? {};
      // The first run may have continued until the signal arrived.
      expect(10 * Number(epoch) + Number(step)).toBeGreaterThan(22);
      expect(await outcomeOf(await onlyRun(runs))).toEqual(await outcomeOf(whole));
    },
    300_000,
  );
});

describe('--resume', () => {
  const copyOf = async (name: string) => {
    // The checkpoints know their run by its name.
    const copy = join(folder, name, whole.split('/').at(-1) as string);
    await cp(whole, copy, { recursive: true });
    return copy;
  };
  const resume = async (run: string, ...argv: string[]) => {
    const { ended, reports } = startTraining(['--resume', run, ...argv]);
    return { ...(await ended), reports };
  };

  it('of a finished run does nothing', async () => {
    const { code, reports } = await resume(whole);
    expect(code).toBe(0);
    expect(reports.map(({ event }) => event)).toEqual(['message', 'finished']);
  });

  it('refuses a run that another process trains', async () => {
    const runs = join(folder, 'shared');
    let isStopped = false;
    const first = startTraining([...small, '--runs', runs], ({ event }, child) => {
      if (event === 'progress' && !isStopped) isStopped = child.kill('SIGSTOP');
    });
    while (!isStopped) await wait(20);
    const run = await onlyRun(runs);
    const { code, stderr } = await resume(run);
    expect(code).toBe(1);
    expect(stderr).toContain(`is being trained by process ${first.child.pid} on `);
    first.child.kill('SIGCONT');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(existsSync(join(run, 'lock'))).toBe(false);
  });

  it('refuses options that would change the weights', async () => {
    const { code, stderr } = await resume(whole, '--epochs', '2', '--no-flip', '--seed', '1');
    expect(code).toBe(2);
    expect(stderr).toContain(
      '--epochs: the run to resume has 3; it can be raised, but not lowered',
    );
    expect(stderr).toContain('--flip');
    expect(stderr).not.toContain('--seed');
  });

  it('may continue on another backend, and says that the bits will differ', async () => {
    const { options, notes } = await planRun({ resume: whole, backend: 'webgpu' });
    expect(options.backend).toBe('webgpu');
    expect(notes?.join()).toMatch(
      /with --backend wasm and continues with --backend webgpu\. .* same bits/,
    );
    expect((await planRun({ resume: whole })).options.backend).toBe('wasm');
    const run = await copyOf('moved');
    const { config } = await readRun(run);
    await moveRun(openRunFolder(run, config, []), { backend: 'webgpu', device: 'a GPU' });
    const moved = { ...config, backend: 'webgpu', device: 'a GPU' };
    expect((await readRun(run)).config).toEqual(moved);
  });

  it('names the corrupt checkpoint and resumes from the older one', async () => {
    const run = await copyOf('damaged');
    const slots = ['a.checkpoint', 'b.checkpoint'].map((slot) => join(run, 'checkpoint', slot));
    const finished = await Promise.all(
      slots.map(async (slot) => (await readFile(slot)).includes('"position":{"epoch":4')),
    );
    await truncate(slots[finished.indexOf(true)] as string, 5000);
    const { code, reports } = await resume(run);
    expect(code).toBe(0);
    expect(reports[0]?.message).toContain('SHA-256');
    expect(await outcomeOf(run)).toEqual(await outcomeOf(whole));
    await Promise.all(slots.map((slot) => truncate(slot, 5000)));
    const none = await resume(run);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/^error: There is no intact checkpoint\..*\n$/);
  }, 120_000);

  it.each([
    ['nowhere', async () => join(folder, 'nowhere'), /^error: .*nowhere is not a run.*\n$/],
    [
      "another run's checkpoint",
      async () => {
        const run = join(folder, 'renamed');
        await cp(whole, run, { recursive: true });
        return run;
      },
      /^error: .*has the checkpoint of another run, 2.*\n$/,
    ],
    [
      'a config.json that is none',
      async () => {
        const run = await copyOf('no-config');
        await writeFile(join(run, 'config.json'), '{');
        return run;
      },
      /^error: .*config\.json is invalid.*\n$/,
    ],
    [
      'a run on other data',
      async () => {
        const run = await copyOf('other-data');
        const file = join(run, 'config.json');
        const text = await readFile(file, 'utf8');
        const digit = /("train-images-idx3-ubyte": ")(.)/;
        await writeFile(
          file,
          text.replace(digit, (_, start, d) => start + (d === '0' ? '1' : '0')),
        );
        await rm(join(run, 'checkpoint'), { recursive: true });
        return run;
      },
      /^error: .*was trained on another data set.*\n$/,
    ],
  ])('of %s ends with 1 and one line', async (_, prepare, message) => {
    const { code, stderr } = await resume(await prepare());
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});

const isRoot = requirement(
  process.getuid?.() === 0,
  'a checkpoint on a full disk. Run the tests as root, who can mount a small disk.',
);

it.skipIf(!isRoot)(
  'ends with one line if the disk is full, and keeps the previous checkpoint',
  async () => {
    const runs = join(folder, 'small-disk');
    await mkdir(runs);
    try {
      // Room for two checkpoints, but not for a third beside them.
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=18m', 'tmpfs', runs]);
    } catch {
      requirement(false, 'a checkpoint on a full disk. This root user cannot mount one.');
      return;
    }
    try {
      const { code, stderr } = await startTraining([...small, '--runs', runs]).ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^error: Cannot write a checkpoint to .*ENOSPC.* --resume continues from the previous checkpoint\.\n$/,
      );
      const run = await onlyRun(runs);
      const moved = join(folder, 'moved', run.split('/').at(-1) as string);
      await cp(run, moved, { recursive: true });
      expect(await startTraining(['--resume', moved]).ended).toMatchObject({ code: 0 });
      expect(await outcomeOf(moved)).toEqual(await outcomeOf(whole));
    } finally {
      execFileSync('umount', [runs]);
    }
  },
  120_000,
);
