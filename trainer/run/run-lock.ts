import { hash, randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as z from 'zod';
import { CheckpointError } from './checkpoint.ts';

const lockSchema = z.object({
  pid: z.int(),
  host: z.string(),
  startedAt: z.string(),
  /** Distinguishes two processes with the same number. */
  id: z.string(),
});
type Lock = z.output<typeof lockSchema>;

const refreshMs = 10_000;
/** A process on another machine that has not refreshed its lock for this time has ended. */
const maxAgeMs = 60_000;
/** Removing a stale lock takes milliseconds, unless the process is ended meanwhile. */
const maxClaimMs = 5_000;

/**
 * Locks a run's folder with the file `lock`, so that two processes never train in it at once. The lock of a process that
 * has ended is replaced.
 *
 * @returns a function that removes the lock
 * @throws {CheckpointError} that names the process and its machine
 */
export async function lockRun(folder: string): Promise<() => void> {
  const path = join(folder, 'lock');
  const id = randomUUID();
  const own: Lock = {
    pid: process.pid,
    host: hostname(),
    startedAt: new Date().toISOString(),
    id,
  };
  await mkdir(folder, { recursive: true }).catch(() => {}); // The lock's own error says why.
  for (;;) {
    try {
      await writeFile(path, `${JSON.stringify(own)}\n`, { flag: 'wx' });
      break;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') {
        throw new CheckpointError(
          `${folder} can't be written to: ${message}. To train there, make it writable, or copy it and resume the copy.`,
          { cause: error },
        );
      }
    }
    await removeStaleLock(path, folder);
  }
  const refresh = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, refreshMs).unref();
  const unlock = () => {
    clearInterval(refresh);
    process.off('exit', unlock);
    if (readLock(() => readFileSync(path, 'utf8'))?.id === id) rmSync(path, { force: true });
  };
  // A second signal ends the process without running `finally`.
  process.once('exit', unlock);
  return unlock;
}

/** @throws {CheckpointError} if the process that holds the lock may still run */
async function removeStaleLock(path: string, folder: string): Promise<void> {
  const [text, info] = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  if (text === undefined || info === undefined) return;
  const lock = readLock(() => text);
  const isOld = Date.now() - info.mtimeMs > maxAgeMs;
  const isHere = lock?.host === hostname();
  const isStale = lock && isHere ? !isRunning(lock.pid) : isOld;
  if (!isStale) {
    const who = lock
      ? `process ${lock.pid} on ${lock.host}, since ${lock.startedAt}`
      : 'another process';
    const how = isHere ? '' : ', or a minute after it has ended';
    throw new CheckpointError(
      `${folder} is being trained by ${who}. Resume it when that process has ended${how}. If it does not train, remove ${path}.`,
    );
  }
  await removeOnce(path, text);
}

/**
 * Removes the lock if it still has this text. Only the process that creates a file named by the text may: else a slower one
 * would remove the lock that another process has written since. The file goes after the lock, so whoever creates it again
 * finds another text.
 */
async function removeOnce(path: string, text: string): Promise<void> {
  const claim = `${path}.${hash('sha256', text).slice(0, 16)}.part`;
  try {
    await writeFile(claim, '', { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const claimed = await stat(claim).catch(() => null);
    if (claimed && Date.now() - claimed.mtimeMs > maxClaimMs) await rm(claim, { force: true });
    else await setTimeout(20);
    return;
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => null)) === text) await rm(path, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

/** Returns null if the file is missing or incomplete. */
function readLock(read: () => string): Lock | null {
  try {
    return lockSchema.parse(JSON.parse(read()));
  } catch {
    return null;
  }
}

/** Signal 0 only checks whether the process exists. It may belong to another user. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
