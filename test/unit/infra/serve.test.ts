import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const script = join(import.meta.dirname, '../../../infra/worker/serve');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-serve-'));
  await copyFile(script, join(folder, 'serve'));
  // Replaces workerd, to show the environment that the Worker gets.
  await writeFile(join(folder, 'workerd'), '#!/bin/sh\necho "$CLIENT_ADDRESS_HEADER"\n');
  await chmod(join(folder, 'workerd'), 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each([
  [undefined, 'none'],
  ['', 'none'],
  ['X-Real-IP', 'X-Real-IP'],
])('takes no address from a client unless a proxy sets it: %j', async (header, expected) => {
  const { PATH } = process.env;
  const env = { PATH, S3_BUCKET: 'models', CLIENT_ADDRESS_HEADER: header };
  const { stdout } = await promisify(execFile)('/bin/sh', [join(folder, 'serve')], { env });
  expect(stdout.trim()).toBe(expected);
});
