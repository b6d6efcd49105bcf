import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { requirement } from '../../support/requirement.ts';
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

/** A limit on the size of files: Node's writes fail like those on a full disk, with EFBIG. */
function limited(kilobytes: number, argv: readonly string[], env = {}) {
  const limit = `ulimit -f ${kilobytes} && exec "$0" "$@"`;
  return catwalk('bash', ['-c', limit, process.execPath, cli, ...argv], { env });
}

async function catwalk(file: string, argv: readonly string[], options: SpawnOptions) {
  const child = spawn(file, argv, {
    ...options,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.on('data', (chunk) => {
      texts[name] += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...texts };
}

describe('on a full disk', () => {
  it('a training ends with the name of the file, and resumes when there is room', async () => {
    const runs = join(folder, 'no-room');
    const training = ['train', '--json', ...small, '--runs', runs];
    const { code, stderr } = await limited(1000, training);
    const [name = ''] = await readdir(runs);
    const run = join(runs, name);
    const file = join(run, 'model/last/weights.bin');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: ${file} can't be written: EFBIG: file too large, write. When it can be written again, --resume ${run} continues from the last checkpoint.\n`,
    });
    expect((await readdir(join(run, 'model/last'))).filter((name) => /part/.test(name))).toEqual(
      [],
    );
    expect(await startTraining(['--resume', run]).ended).toEqual({ code: 0, stderr: '' });
  });

  it('images are read without the cache', async () => {
    const photos = await copyPhotos(join(folder, 'photos'));
    const env = { XDG_CACHE_HOME: join(folder, 'full-cache') };
    const read = await limited(0, ['data', '--dataset', photos, '--json'], env);
    expect(read).toMatchObject({ code: 0, stderr: expect.stringContaining(noCache('EFBIG')) });
    expect(JSON.parse(read.stdout)).toMatchObject({ train: 2, test: 1 });
  });
});

const noCache = (code: string) => `3 images could not be cached: ${code}`;

/** A user who may not write to the folders of the test's user. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const canDropRights =
  !isRoot ||
  (await catwalk(process.execPath, [cli, '--version'], { uid: nobody, gid: nobody })).code === 0;
const isHere = requirement(
  canDropRights,
  'folders that are read-only. Run the tests as a user other than root, or from a folder that all users can read.',
);

describe.skipIf(!isHere)('in a read-only folder', () => {
  const other = isRoot ? { uid: nobody, gid: nobody } : {};
  let home: string;
  let photos: string;
  let run: string;
  beforeAll(async () => {
    home = join(folder, 'read-only');
    photos = await copyPhotos(join(home, 'photos'));
    await mkdir(join(home, 'cache'));
    const training = ['--dataset', photos, '--epochs', '1', '--backend', 'wasm', '--threads', '1'];
    const trained = startTraining([...training, '--runs', join(home, 'runs')]);
    expect(await trained.ended).toMatchObject({ code: 0 });
    run = String(trained.reports.at(-1)?.run);
    await chmod(folder, 0o755);
    await setMode(0o555);
  });
  // A user other than root can only remove the folders when they are writable.
  afterAll(() => setMode(0o755));

  async function setMode(mode: number): Promise<void> {
    const entries = await readdir(home, { recursive: true, withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory());
    const paths = folders.map(({ parentPath, name }) => join(parentPath, name));
    for (const path of [home, ...paths]) await chmod(path, mode);
  }

  const inside = (...argv: string[]) =>
    catwalk(process.execPath, [cli, ...argv], {
      ...other,
      env: { XDG_CACHE_HOME: join(home, 'cache'), HOME: home },
    });

  it('images are read, without the cache', async () => {
    const read = await inside('data', '--dataset', photos, '--json');
    expect(read).toMatchObject({ code: 0, stderr: expect.stringContaining(noCache('EACCES')) });
    expect(JSON.parse(read.stdout)).toMatchObject({ train: 2, test: 1 });
  });

  it('a run is evaluated', async () => {
    const { code, stdout } = await inside('evaluate', run, '--backend', 'wasm', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).metrics.accuracy).toBeTypeOf('number');
  });

  it('no run starts or resumes, and each says why', async () => {
    const start = ['train', '--dataset', photos, '--backend', 'wasm', '--runs'];
    expect(await inside(...start, join(home, 'runs'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /error: The run's folder can't be created: EACCES.* Name a folder that you can write to with --runs\.\n$/,
      ),
    });
    expect(await inside('train', '--resume', run)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: .* can't be written to: EACCES.* make it writable, or copy it and resume the copy\.\n$/,
      ),
    });
  });
});

/** Large images that are in git, as a folder of two labels. */
async function copyPhotos(photos: string): Promise<string> {
  const docs = join(import.meta.dirname, '../../../docs');
  const files = {
    'train/a/0.png': 'page.png',
    'train/b/0.png': 'page-dark.png',
    'test/a/0.png': 'page-explore.png',
  };
  for (const [path, file] of Object.entries(files)) {
    await mkdir(join(photos, path, '..'), { recursive: true });
    await cp(join(docs, file), join(photos, path));
  }
  return photos;
}
