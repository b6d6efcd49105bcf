/** The typed client's example in a separate project: type-checked, and run against a real Worker. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { publishModels } from '../support/models/publish-models.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
let folder: string;
let worker: LocalWorker;
let version: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-client-'));
  worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state') });
  [version] = (await publishModels(worker.env, [1])).versions;
  // As `npm install <folder>` links it.
  await mkdir(join(folder, 'node_modules/@types'), { recursive: true });
  await symlink(repository, join(folder, 'node_modules/catwalk'));
  await symlink(
    join(repository, 'node_modules/@types/node'),
    join(folder, 'node_modules/@types/node'),
  );
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const guide = await readFile(join(repository, 'docs/07-typescript-client.md'), 'utf8');
  await writeFile(join(folder, 'example.ts'), /```ts\n([\s\S]*?)```/.exec(guide)?.[1] ?? '');
});
afterAll(async () => {
  await worker.stop();
  await rm(folder, { recursive: true });
});

const check = (file: string) =>
  run(
    process.execPath,
    [
      join(typescript, 'bin/tsc'),
      '--noEmit',
      '--strict',
      '--target',
      'es2024',
      '--module',
      'nodenext',
      '--types',
      'node',
      '--lib',
      'es2024,dom',
      file,
    ],
    { cwd: folder },
  );

it('type-checks in a program of its own, and answers as its types declare', async () => {
  await check('example.ts');
  const { stdout } = await run(process.execPath, ['example.ts'], {
    cwd: folder,
    env: { ...process.env, CATWALK_URL: worker.url },
  });
  expect(stdout).toMatch(new RegExp(`^Predicted: .+, Actual: Ankle boot, by ${version}\n`));
  expect(stdout).toMatch(/\nPosted: .+\n2 predictions\nLabels: T-shirt\/top, .*Ankle boot\n$/);
});

it('rejects calls that the Worker would refuse', async () => {
  await writeFile(
    join(folder, 'wrong.ts'),
    `import { catwalkClient } from 'catwalk/client';
const client = catwalkClient('http://localhost');
await client.predict.$get({ query: { indes: '0' } });
await client.predict.$post({ query: { invert: 'perhaps' } });
await client.images[':file'].$get();
await client.nothing.$get();
const list = await client.models.$get();
if (list.ok) (await list.json()).versions satisfies string;
`,
  );
  const { stdout } = await check('wrong.ts').then(
    () => ({ stdout: 'No error' }),
    (error: { stdout: string }) => error,
  );
  for (const line of [3, 4, 5, 6, 8]) expect(stdout).toContain(`wrong.ts(${line},`);
  expect(stdout).not.toContain('wrong.ts(7,');
});
