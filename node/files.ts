import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';

/**
 * Writes a file so that readers see the old one or the whole new one, whenever this process ends.
 *
 * @param signal stops the writing; the path is left as it was
 */
export async function writeAtomically(path: string, bytes: Uint8Array, signal?: AbortSignal) {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.part`);
  try {
    await writeFile(temporary, bytes, { flush: true, ...(signal ? { signal } : {}) });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Where data sets are kept between runs, by the XDG base directory specification
 * (https://specifications.freedesktop.org/basedir-spec/latest/): a relative XDG_CACHE_HOME is ignored.
 */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment.XDG_CACHE_HOME;
  const base = configured && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(base, 'catwalk', 'datasets');
}
