import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';

const script = resolve(import.meta.dirname, '../../../infra/start.ts');

let folder: string;
let child: ChildProcess;
let output: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-start-'));
});

afterEach(async () => {
  child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function start(...options: string[]) {
  output = '';
  child = spawn(process.execPath, [script, '--port', '0', '--persist-to', folder, ...options], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
}

async function printed(text: string) {
  const exited = once(child, 'exit');
  while (!output.includes(text)) {
    if (child.exitCode !== null) throw new Error(`It ended without "${text}":\n${output}`);
    await Promise.race([once(child.stdout ?? child, 'data'), exited]);
  }
}

/** The Worker has the folder in its arguments, the trainer this process's child as its parent. */
function processes(): string[] {
  return execFileSync('ps', ['-eo', 'ppid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(folder) || line.trimStart().startsWith(`${child.pid} `));
}

test('Ctrl-C during training ends trainer and Worker, with exit code 130', async () => {
  start('--seed', '1', '--threads', '1');
  await printed('Epoch 1/5');
  expect(processes().length).toBeGreaterThanOrEqual(3);
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  expect(code).toBe(130);
  expect(processes()).toEqual([]);
});

test('reads the images while the Worker starts if the bucket is new', async () => {
  const dataset = await writeSmallDataset(await mkdtemp(join(tmpdir(), 'catwalk-start-set-')));
  start('--dataset', dataset, '--threads', '1');
  await printed('Starting the Worker at http://localhost:');
  const [url = ''] = /http:\S+/.exec(output) ?? [];
  while (!processes().some((line) => line.includes('trainer/cli.ts'))) {
    expect(child.exitCode).toBeNull();
  }
  await expect(fetch(url.replace('localhost', '127.0.0.1'))).rejects.toThrow();
  // Its first requests find no Worker, and are sent again.
  await printed('Published ');
  child.kill('SIGINT');
  await once(child, 'exit');
  expect(processes()).toEqual([]);
  await rm(dirname(dataset), { recursive: true });
});

test('a training that fails ends the Worker and gives its exit code', async () => {
  start('--data-dir', join(folder, 'absent'));
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(output).toContain('contains neither train-images-idx3-ubyte.gz');
  expect(output).toContain('Training failed with exit code 1');
  expect(processes()).toEqual([]);
});

test('wrong usage ends with exit code 2', async () => {
  start('--epochs', 'many');
  const [code] = await once(child, 'close');
  expect(code).toBe(2);
  expect(output).toContain('--epochs');
});
