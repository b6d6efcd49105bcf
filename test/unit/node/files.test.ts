import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { defaultCacheFolder, FileKindError, readNamedFile } from '../../../node/files.ts';

test.each([
  ['/somewhere/cache', '/somewhere/cache/catwalk/datasets'],
  ['relative/is/ignored', join(homedir(), '.cache/catwalk/datasets')],
  [undefined, join(homedir(), '.cache/catwalk/datasets')],
])('XDG_CACHE_HOME=%s', (XDG_CACHE_HOME, expected) => {
  expect(defaultCacheFolder({ XDG_CACHE_HOME })).toBe(expected);
});

test('a named file may be a pipe, but none without an end', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-files-'));
  const pipe = join(folder, 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const [bytes] = await Promise.all([readNamedFile(pipe, 100), writeFile(pipe, 'piped')]);
  expect(bytes.toString()).toBe('piped');
  await expect(readNamedFile('/dev/zero', 100_000)).rejects.toThrow(FileKindError);
  await expect(readNamedFile(folder, 100)).rejects.toThrow('it is a folder');
  await rm(folder, { recursive: true });
});
