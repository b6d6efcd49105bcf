import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleCheck } from '../../../infra/gpu/write-pack.ts';

const run = promisify(execFile);
let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'catwalk-gpu-pack-'));
});
afterAll(() => rm(work, { recursive: true }));

it('is a program that starts without packages, and looks for Dawn in its own folder', async () => {
  const program = join(work, 'trainer/backend/webgpu/check.mjs');
  await bundleCheck(program);
  const data = join(work, 'data');
  await mkdir(data);
  for (const set of ['train', 'test']) {
    await writeFile(join(data, `${set}-images`), new Uint8Array(784));
    await writeFile(join(data, `${set}-labels`), new Uint8Array(1));
  }
  await writeFile(join(data, 'wasm-losses.json'), '[]');
  const started = run(process.execPath, [program, data], { cwd: work });
  await expect(started).rejects.toThrow('webgpu is not set up');
});

it('has a script without errors in its syntax', async () => {
  await run('bash', ['-n', join(import.meta.dirname, '../../../infra/gpu/pack/check.sh')]);
});
