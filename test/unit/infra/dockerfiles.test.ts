import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

const linesOf = async (file: string) => (await readFile(join(root, file), 'utf8')).split('\n');

/** Copies what a Dockerfile's COPY lines take of the repository, if .dockerignore lets them. */
async function copySources(lines: readonly string[], folder: string): Promise<void> {
  const allowed = (await linesOf('.dockerignore'))
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  for (const line of lines) {
    const [, paths] = /^COPY (?!--)(.*)$/.exec(line) ?? [];
    if (!paths) continue;
    const names = paths.split(' ');
    const target = names.pop() as string;
    // Its script for the network, which is not run here.
    if (target.startsWith('/')) continue;
    for (const name of names) {
      expect(allowed, `.dockerignore lets ${name} in`).toContain(name);
      const to = target.endsWith('/') || target === '.' ? join(target, basename(name)) : target;
      await cp(join(root, name), join(folder, to), {
        recursive: true,
        filter: (path) => !['build', 'node_modules'].includes(basename(path)),
      });
    }
  }
}

// The images themselves are built by `npm run test:container`, which takes ten minutes.
it.each(['infra/trainer/Dockerfile', 'infra/worker/Dockerfile'])(
  '%s copies everything that its build reads',
  async (file) => {
    const folder = await mkdtemp(join(tmpdir(), 'catwalk-dockerfile-'));
    try {
      const lines = await linesOf(file);
      await copySources(lines, folder);
      await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
      const commands = lines.flatMap((line) => /^RUN (node .*)$/.exec(line)?.[1] ?? []);
      expect(commands).toHaveLength(1);
      const [command] = commands as [string];
      const PATH = `${join(process.execPath, '..')}:${process.env.PATH}`;
      await run('sh', ['-c', command], { cwd: folder, env: { ...process.env, PATH } });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
