import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockRun } from '../../../trainer/run/run-lock.ts';

const program = `
const { lockRun } = await import(process.argv[1]);
await lockRun(process.argv[2]);
console.log('locked');
process.stdin.resume();`;
const source = join(import.meta.dirname, '../../../trainer/run/run-lock.ts');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-lock-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Locks a run in another process, which keeps the lock until it is killed, or ends if the run is locked. */
async function lockElsewhere(run: string): Promise<{ child: ChildProcess; isLocked: boolean }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, source, run], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const printed = once(child.stdout as NodeJS.ReadableStream, 'data').then(() => true);
  const ended = once(child, 'exit').then(() => false);
  return { child, isLocked: await Promise.race([printed, ended]) };
}

async function writeLock(run: string, lock: object | string): Promise<string> {
  const path = join(folder, run, 'lock');
  (await lockRun(join(folder, run)))();
  await writeFile(path, typeof lock === 'string' ? lock : JSON.stringify(lock));
  return path;
}

const other = { pid: 1, host: 'elsewhere', startedAt: '2026-11-24T10:15:00Z', id: 'a' };

describe('the lock of a run', () => {
  it('refuses a second process while the first one runs, and names it', async () => {
    const run = join(folder, 'busy');
    const { child } = await lockElsewhere(run);
    const message = `busy is being trained by process ${child.pid} on ${hostname()}, since `;
    await expect(lockRun(run)).rejects.toThrow(message);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(join(run, 'lock'))).toBe(true);
    (await lockRun(run))();
    expect(existsSync(join(run, 'lock'))).toBe(false);
  });

  it('lets one of many win a stale lock', async () => {
    const path = await writeLock('race', { ...other, pid: 2 ** 22 + 1, host: hostname() });
    const tries = await Promise.all(Array.from({ length: 6 }, () => lockElsewhere(dirname(path))));
    for (const { child } of tries) child.kill('SIGKILL');
    expect(tries.filter(({ isLocked }) => isLocked)).toHaveLength(1);
  });

  it('of another machine is respected for a minute', async () => {
    const path = await writeLock('foreign', other);
    await expect(lockRun(join(folder, 'foreign'))).rejects.toThrow(
      /process 1 on elsewhere, .* remove .*lock/,
    );
    const old = new Date(Date.now() - 120_000);
    await utimes(path, old, old);
    (await lockRun(join(folder, 'foreign')))();
  });

  it('that was cut off is respected for a minute', async () => {
    const path = await writeLock('cut', '{"pid":');
    await expect(lockRun(join(folder, 'cut'))).rejects.toThrow('another process');
    await utimes(path, 0, 0);
    const unlock = await lockRun(join(folder, 'cut'));
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
    unlock();
  });

  it('of a successor stays', async () => {
    const unlock = await lockRun(join(folder, 'replaced'));
    const path = join(folder, 'replaced/lock');
    await writeFile(path, JSON.stringify(other));
    unlock();
    expect(existsSync(path)).toBe(true);
  });
});
