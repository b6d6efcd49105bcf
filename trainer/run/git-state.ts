import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The commit that this program was checked out at, or null where it is no git checkout. */
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
