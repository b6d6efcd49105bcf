import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DatasetSource, folderSource } from './dataset-source.ts';
import type { DebianPackage } from './known-datasets.ts';

const run = promisify(execFile);

/** Package lists have tens of MB. A slower Debian mirror is as good as unreachable. */
const timeLimitMs = 180_000;

/**
 * A package of Debian or Ubuntu with the files, fetched from the machine's apt sources. It needs neither root nor an
 * installation: apt keeps its state, and the package is unpacked, in a temporary folder.
 */
export function debianSource(
  { package: name, folder }: DebianPackage,
  { onProgress }: { onProgress?: ((message: string) => void) | undefined } = {},
): DatasetSource {
  return {
    description: `Debian package ${name}`,
    remote: true,
    async read(files, accept, signal) {
      const scratch = await mkdtemp(join(tmpdir(), 'catwalk-apt-'));
      try {
        onProgress?.(`Fetching Debian package ${name} with apt-get`);
        const archive = await downloadPackage(name, scratch, signal);
        const root = join(scratch, 'root');
        await command('dpkg-deb', ['-x', archive, root], scratch, signal);
        await folderSource(join(root, folder)).read(files, accept, signal);
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}

async function downloadPackage(name: string, scratch: string, signal?: AbortSignal) {
  const options = [
    '--quiet',
    `-oDir::Cache=${join(scratch, 'cache')}`,
    '-oDebug::NoLocking=1',
    // As root, apt would switch to a user that can't read this folder, and warn.
    '-oAPT::Sandbox::User=root',
  ];
  const apt = (...args: string[]) => command('apt-get', [...options, ...args], scratch, signal);
  await mkdir(join(scratch, 'cache/archives/partial'), { recursive: true });
  try {
    await apt('download', name);
  } catch (error) {
    if (signal?.aborted || isMissingCommand(error)) throw error;
    // Container images and new machines have no package lists: fetch them into the temporary folder.
    const lists = join(scratch, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const ownLists = `-oDir::State::Lists=${lists}`;
    // One unreachable source of many fails the update, even if another one has the package.
    await apt(ownLists, 'update').catch(() => signal?.throwIfAborted());
    await apt(ownLists, 'download', name);
  }
  const archive = (await readdir(scratch)).find((file) => file.endsWith('.deb'));
  if (!archive) throw new Error(`apt-get download ${name} wrote no .deb file`);
  return join(scratch, archive);
}

async function command(file: string, args: string[], cwd: string, signal?: AbortSignal) {
  try {
    await run(file, args, {
      cwd,
      timeout: timeLimitMs,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (isMissingCommand(error)) {
      throw Object.assign(new Error(`${file} is not installed on this machine`), {
        code: 'ENOENT',
      });
    }
    const { stderr = '', killed } = error as { stderr?: string; killed?: boolean };
    const lastLine = stderr.trim().split('\n').at(-1) || 'it printed no message';
    throw new Error(
      `${file} failed: ${killed ? `it took over ${timeLimitMs / 1000} seconds` : lastLine}`,
    );
  }
}

const isMissingCommand = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';
