import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sample } from '../../support/vitest/sample.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

const catwalk = (...argv: string[]) =>
  new Promise<Result>((resolve) => {
    const child = execFile(process.execPath, [cli, ...argv], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

describe('catwalk', () => {
  it('shows every option of a command with its default', async () => {
    const { code, stdout } = await catwalk('train', '--help');
    expect(code).toBe(0);
    for (const text of [
      '--epochs <n>',
      'tutorial 5, fast 3, best 60',
      '--publish <s3://bucket/prefix>',
    ]) {
      expect(stdout).toContain(text);
    }
  });

  it('is executable in git, so that npx leaves a checkout as it is', async () => {
    const files = ['ls-files', '-s', 'trainer/catwalk.mjs'];
    const { stdout } = await promisify(execFile)('git', files, { cwd: join(cli, '../..') });
    expect(stdout).toMatch(/^100755 /);
  });

  it.each(
    sample<[string[], string]>(
      [
        [['train', '--epochs', '0'], '--epochs'],
        [['train', '--epochs', 'many'], '--epochs'],
        [['train', '--backend', 'webgl'], '--backend'],
        [['train', '--device', 'tpu'], '--device'],
        [['train', '--alias', 'Production!'], '--alias'],
        [['train', '--unknown'], '--unknown'],
        [['import'], 'file'],
        [['export', 'runs/one', '--out', 'weights.bin'], '--out'],
        [['data', 'download'], '<action>'],
        [['paint'], 'paint'],
      ],
      3,
    ),
  )('ends with 2 on wrong usage: %j', async (argv, named) => {
    const { code, stderr } = await catwalk(...argv);
    expect(code).toBe(2);
    expect(stderr).toContain(named);
  });

  it.each([
    [['import', 'no-such.pth'], "no-such.pth can't be read: ENOENT"],
    [['data', '--dataset', 'no-such'], 'neither one of fashion-mnist, mnist, kmnist nor a folder'],
  ])('ends with 1 if a named file or data set does not exist: %j', async (argv, message) => {
    const { code, stderr } = await catwalk(...argv);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  it('ends with 1 and a next step before it trains if the bucket is unreachable', async () => {
    const child = spawn(
      process.execPath,
      [cli, 'train', '--publish', 's3://nowhere', '--runs', folder],
      {
        env: {
          ...process.env,
          // Port 9 (discard) takes no connections.
          AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
          AWS_ACCESS_KEY_ID: 'nobody',
          AWS_SECRET_ACCESS_KEY: 'not-to-be-shown',
        },
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
    expect(output).toContain('http://127.0.0.1:9');
    expect(output).not.toContain('not-to-be-shown');
    expect(output).not.toContain('loss');
  });

  it('trains, reports as JSON lines, and leaves a run with its configuration', async () => {
    const { code, stdout } = await catwalk(
      'train',
      '--json',
      '--limit',
      '256',
      '--epochs',
      '1',
      '--runs',
      folder,
      '--backend',
      'wasm',
    );
    expect(code).toBe(0);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toContain('started');
    const { run, accuracy } = events.at(-1);
    expect(accuracy).toBeGreaterThan(0);
    const artifacts = ['report.html', 'samples.png', 'curves.svg', 'confusion.csv', 'README.md'];
    expect(await readdir(run)).toEqual(expect.arrayContaining(artifacts));
    const files = ['evaluation.json', 'last', 'model.json', 'weights.bin'];
    expect((await readdir(join(run, 'model'))).toSorted()).toEqual(files);
    const config = JSON.parse(await readFile(join(run, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ seed: 1, batchSize: 64, backend: 'wasm', limit: 256 });
    const metrics = JSON.parse(await readFile(join(run, 'metrics.jsonl'), 'utf8'));
    expect(metrics).toMatchObject({ epoch: 1, accuracy });

    // As if it had been killed while it drew.
    await rm(join(run, 'report.html'));
    expect((await catwalk('train', '--resume', run)).code).toBe(0);
    expect(await readdir(run)).toContain('report.html');
  });

  it('ends with 1 if the backend cannot use the requested GPU', async () => {
    const { code, stderr, stdout } = await catwalk(
      'train',
      '--backend',
      'wasm',
      '--device',
      'gpu',
      '--runs',
      folder,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('wasm does not load: it can use only the CPU.');
    expect(stdout).not.toContain('loss');
  });

  it('stops at once on Ctrl-C, with exit code 130', async () => {
    const child = spawn(process.execPath, [cli, 'train', '--json', '--runs', folder]);
    let interrupted = false;
    child.stdout.on('data', (chunk) => {
      if (!interrupted && String(chunk).includes('"progress"')) {
        interrupted = true;
        child.kill('SIGINT');
      }
    });
    const [code] = await once(child, 'exit');
    expect(interrupted).toBe(true);
    expect(code).toBe(130);
  });

  it('stops with a checkpoint if its output is closed', async () => {
    const runs = join(folder, 'unread');
    const child = spawn(process.execPath, [cli, 'train', '--json', '--runs', runs]);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.on('data', (chunk) => {
      if (String(chunk).includes('"progress"')) child.stdout.destroy();
    });
    const [code] = await once(child, 'close');
    expect(stderr).toBe('Stopped by SIGPIPE. Published versions are kept.\n');
    expect(code).toBe(128 + constants.signals.SIGPIPE);
    const [run] = await readdir(runs);
    expect(await readdir(join(runs, String(run), 'checkpoint'))).not.toEqual([]);
  });
});
