import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

const linesOf = async (file: string) => (await readFile(join(root, file), 'utf8')).split('\n');

/**
 * Runs the `node` commands of a Dockerfile's build stage in a copy of the files that it copies.
 *
 * @param file such as `infra/worker/Dockerfile`
 * @returns the copy's folder and the number of commands
 * @throws {Error} if .dockerignore excludes a file, or a command fails
 */
export async function runBuildStage(file: string): Promise<{ folder: string; commands: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'catwalk-dockerfile-'));
  const lines = await linesOf(file);
  await copySources(lines, folder);
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const commands = lines.flatMap((line) => /^RUN (node .*)$/.exec(line)?.[1] ?? []);
  const PATH = `${join(process.execPath, '..')}:${process.env.PATH}`;
  for (const command of commands) {
    await run('sh', ['-c', command], { cwd: folder, env: { ...process.env, PATH } });
  }
  return { folder, commands: commands.length };
}

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
      if (!allowed.includes(name)) throw new Error(`.dockerignore excludes ${name}.`);
      const to = target.endsWith('/') || target === '.' ? join(target, basename(name)) : target;
      await cp(join(root, name), join(folder, to), {
        recursive: true,
        filter: (path) => !['build', 'node_modules'].includes(basename(path)),
      });
    }
  }
}
