import { execFile } from 'node:child_process';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { version_core } from '@tensorflow/tfjs-core';
import catwalk from '../../package.json' with { type: 'json' };

const run = promisify(execFile);

/** Returns the checked-out commit of this program; null if it is not in a git checkout. */
export async function gitState(): Promise<{ commit: string; dirty: boolean } | null> {
  try {
    const options = { cwd: import.meta.dirname };
    const { stdout: commit } = await run('git', ['rev-parse', 'HEAD'], options);
    const { stdout: changes } = await run('git', ['status', '--porcelain'], options);
    return { commit: commit.trim(), dirty: changes.trim() !== '' };
  } catch {
    return null;
  }
}

/** Describes this machine. */
export const hardware = () => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  os: `${type()} ${release()} ${arch()}`,
});

/** Returns the versions that reproducing a run needs. */
export const packageVersions = (): Record<string, string> => ({
  catwalk: catwalk.version,
  node: process.versions.node,
  '@tensorflow/tfjs': version_core,
});
