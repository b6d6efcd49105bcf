import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DatasetSource, folderSource } from './sources.ts';

const run = promisify(execFile);

/** Package lists are tens of MB; beyond this the Debian mirror is as good as unreachable. */
const commandLimitMs = 180_000;

export interface DebianPackage {
  package: string;
  /** Where the package puts the files, from the root. */
  folder: string;
}

/**
 * The files from the package of Debian or Ubuntu that holds them, through the machine's own apt sources. Needs neither
 * root nor an installation: apt keeps its state in a temporary folder, where the package is unpacked.
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
    // As root, apt would drop to a user that can't read this folder, and warn.
    '-oAPT::Sandbox::User=root',
  ];
  const download = (extra: string[]) =>
    command('apt-get', [...options, ...extra, 'download', name], scratch, signal);
  await mkdir(join(scratch, 'cache/archives/partial'), { recursive: true });
  try {
    await download([]);
  } catch (error) {
    if (signal?.aborted || isMissingCommand(error)) throw error;
    // Images and fresh machines have no package lists: fetch them beside, not into the system's.
    const lists = join(scratch, 'lists');
    await mkdir(join(lists, 'partial'), { recursive: true });
    const privateLists = [`-oDir::State::Lists=${lists}`];
    // One unreachable source among many fails the update, though the package may be in another.
    await command('apt-get', [...options, ...privateLists, 'update'], scratch, signal).catch(() =>
      signal?.throwIfAborted(),
    );
    await download(privateLists);
  }
  const archive = (await readdir(scratch)).find((file) => file.endsWith('.deb'));
  if (!archive) throw new Error(`apt-get download ${name} left no .deb file.`);
  return join(scratch, archive);
}

async function command(file: string, args: string[], cwd: string, signal?: AbortSignal) {
  try {
    await run(file, args, {
      cwd,
      timeout: commandLimitMs,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (isMissingCommand(error)) throw new MissingCommandError(file);
    const { stderr, killed } = error as { stderr?: string; killed?: boolean };
    const reason = killed ? `took over ${commandLimitMs / 1000} seconds` : lastLine(stderr);
    throw new Error(`${file} failed: ${reason}`);
  }
}

class MissingCommandError extends Error {
  readonly code = 'ENOENT';

  constructor(file: string) {
    super(`this machine has no ${file}`);
  }
}

const isMissingCommand = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

const lastLine = (text = '') => text.trim().split('\n').at(-1) || 'without a message';
