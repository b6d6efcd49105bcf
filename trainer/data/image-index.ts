/** Remembers the content of image files by path, size and time: files that have not changed need not be read again. */
import { hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { writeToCache } from './image-cache.ts';

/** A file whose content is known. */
export interface KnownFile {
  /** Of the content. */
  sha256: string;
  /** Of the file when it had this content (`stateOf`). */
  state: string;
}

/** The names of the files in a folder. */
const indexSchema = z.record(z.string(), z.object({ sha256: z.string(), state: z.string() }));

/** For so long after a change a file may change again without another time, which file systems round to up to 2 s. */
const unsettledMs = 2_000;

/**
 * Returns the size of a file with the times of the last changes of its content and of its attributes. One of them changes with
 * the content, because no program can set back the last.
 *
 * @param now in ms since 1970
 * @returns null if the file can't be found, or has changed too recently for its time to tell
 */
export function stateOf(path: string, now = Date.now()): string | null {
  try {
    const { size, mtimeNs, ctimeNs, mtimeMs, ctimeMs } = statSync(path, { bigint: true });
    const changed = Math.max(Number(mtimeMs), Number(ctimeMs));
    return changed > now - unsettledMs ? null : `${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return null;
  }
}

/** The known files among some, stored as one file in the cache for each of their folders. */
export interface ImageIndex {
  /** Returns what is known of a file if it has not changed since; else null. */
  find(path: string): KnownFile | null;
  /** Stores what is known, in place of all that was known of the files' folders. */
  write(files: readonly (KnownFile & { path: string })[]): Promise<void>;
}

/** @param cacheFolder the folder of the cache's entries */
export async function openImageIndex(
  cacheFolder: string,
  paths: readonly string[],
): Promise<ImageIndex> {
  const folders = new Map<string, Map<string, KnownFile>>();
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    folders.set(folder, await readIndex(indexFile(cacheFolder, folder)));
  }
  return {
    find(path) {
      const known = folders.get(dirname(path))?.get(basename(path));
      return known && stateOf(path) === known.state ? known : null;
    },
    async write(files) {
      for (const [folder, known] of Map.groupBy(files, ({ path }) => dirname(path))) {
        const entries = known.map(({ path, sha256, state }) => [basename(path), { sha256, state }]);
        const content = JSON.stringify(Object.fromEntries(entries));
        await writeToCache(indexFile(cacheFolder, folder), content);
      }
    },
  };
}

const indexFile = (cacheFolder: string, folder: string) =>
  join(cacheFolder, `${hash('sha256', resolve(folder)).slice(0, 32)}.json`);

async function readIndex(file: string): Promise<Map<string, KnownFile>> {
  try {
    return new Map(Object.entries(indexSchema.parse(JSON.parse(await readFile(file, 'utf8')))));
  } catch {
    // Missing or damaged: the files are read again.
    return new Map();
  }
}
