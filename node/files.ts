import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';

/**
 * Writes a file in one step: readers see the old content or the complete new content, even if this process is killed.
 *
 * @param content text is written as UTF-8
 * @param signal cancels the write and leaves the file as it was
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.part`);
  try {
    await writeFile(temporary, content, { flush: true, signal });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Returns the folder that caches data sets between runs. It follows the XDG base directory specification, which ignores
 * a relative XDG_CACHE_HOME: https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment.XDG_CACHE_HOME;
  const base = configured && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(base, 'catwalk', 'datasets');
}
